//! The kit that every feature is served with: envelope, errors, input, identity, limits; and how the router is put
//! together from them.

pub mod client_address;
pub mod context;
pub mod envelope;
pub mod error;
pub mod etag;
pub mod extract;
mod guard;
pub mod health;
mod hs256;
pub mod idempotency;
pub mod identity;
pub mod input;
mod middleware;
pub mod openapi;
pub mod page;
pub mod rate_limit;
pub mod readiness;
pub mod rules;
pub mod stream;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use axum::routing::Route;
use axum::{Router, routing};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower::layer::layer_fn;
use tower::util::MapRequestLayer;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::normalize_path::NormalizePathLayer;

use crate::config::CorsOrigins;
use crate::domain::clock::Clock;

use self::context::RequestContext;
use self::guard::Guard;
use self::rate_limit::RateLimits;
use self::readiness::ReadinessState;

/// What the kit needs to put the router together.
pub struct Kit {
    /// The clock of the envelope's timestamps.
    pub clock: Arc<dyn Clock>,
    /// The origins that a browser may call from.
    pub cors: CorsOrigins,
    /// The largest body in bytes.
    pub max_body_bytes: usize,
    /// Requests worked on at once.
    pub max_in_flight: usize,
    /// The time a request may take until the head of its answer.
    pub request_timeout: Duration,
    /// Whether the API can work.
    pub readiness: ReadinessState,
    /// The rate limits.
    pub limits: Arc<RateLimits>,
    /// The metrics; `None` where the process keeps none.
    pub metrics: Option<PrometheusHandle>,
}

/// Puts the features' routes, the documents and the health routes into one service, with everything around it.
///
/// What goes around everything is put on from outside and not as layers of a router, which boxes each of them for each
/// request.
pub fn assemble(kit: Kit, api: Router, document: utoipa::openapi::OpenApi) -> impl HttpService {
    let guard = Arc::new(Guard {
        permits: Semaphore::new(kit.max_in_flight),
        limits: kit.limits,
        readiness: kit.readiness.clone(),
        patience: kit.request_timeout,
    });
    let guarded = layer_fn(move |route: Route| {
        let guard = Arc::clone(&guard);
        service_fn(move |request| guard::guard(Arc::clone(&guard), route.clone(), request))
    });
    let api = api
        .fallback(middleware::no_route)
        .method_not_allowed_fallback(middleware::no_method)
        .layer(DefaultBodyLimit::max(kit.max_body_bytes))
        .layer(guarded);
    let around = health::router(kit.readiness, kit.metrics)
        .merge(openapi::router(&document))
        .route("/api-docs", routing::get(middleware::to_docs))
        .route_layer(MapRequestLayer::new(context::noting_route))
        .method_not_allowed_fallback(middleware::no_method);
    // A trailing slash is dropped before the routes are looked at, but the envelope tells the path as it was written.
    let routes = around.fallback_service(NormalizePathLayer::trim_trailing_slash().layer(api));
    // The first sees the request first.
    let inside = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .map_response(middleware::security_headers)
        .layer(middleware::cors(&kit.cors))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .service(routes);
    let clock = kit.clock;
    service_fn(move |request: Request| {
        let context = RequestContext::of(&request, Arc::clone(&clock));
        let observed = middleware::observe(inside.clone(), request, context.clone());
        context.scope(async { Ok(observed.await) })
    })
}

/// What answers requests, one clone a connection.
pub trait HttpService:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}
