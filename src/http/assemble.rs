//! Assembles the service: routes, documents and health checks with all middleware.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::Route;
use axum::{Router, routing};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tower::BoxError;
use tower::layer::layer_fn;
use tower::util::MapRequestLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::normalize_path::NormalizePathLayer;

use crate::config::{LogFormat, ServerConfig};
use crate::domain::clock::Clock;

use super::context::RequestContext;
use super::guard::{BodyRead, Guard, GuardedRoutes};
use super::memory::MemoryBudget;
use super::rate_limit::RateLimits;
use super::readiness::ReadinessState;
use super::request_body::BodyReader;
use super::shares::Shares;
use super::{answer, context, guard, health, middleware, openapi, protocol};

/// The maximum size of a body of a client that is not signed in, which only has to send an address and a password.
const MAX_ANONYMOUS_BODY_BYTES: usize = 64 * 1024;

/// The dependencies of [`assemble`].
pub struct HttpDeps {
    /// The clock for the timestamps of the envelope.
    pub clock: Arc<dyn Clock>,
    /// Limits, and the origins that browsers may call from.
    pub config: ServerConfig,
    /// The log format, which decides how much of a request's path is logged.
    pub log: LogFormat,
    /// The readiness of the API.
    pub readiness: ReadinessState,
    /// The rate limits.
    pub limits: Arc<RateLimits>,
    /// The number of database connections for requests.
    pub connections: usize,
}

/// Assembles the routes of the features, the documents and the health checks with all middleware.
///
/// Middleware for all requests wraps the router instead of being added with `Router::layer`, which would box each layer
/// for each request.
pub fn assemble(deps: HttpDeps, api: Router, document: impl FnOnce() -> serde_json::Value) -> impl HttpService {
    let HttpDeps { clock, config, log, readiness, limits, connections } = deps;
    let guard = Arc::new(Guard {
        permits: Semaphore::new(config.max_in_flight),
        accounts: Shares::new(config.max_in_flight_per_account),
        working: Shares::new(connections.saturating_sub((connections / 4).max(1)).max(1)),
        addresses: Shares::new(config.max_in_flight_per_address),
        bodies: BodyReader {
            max_bytes: config.max_body_bytes,
            max_anonymous_bytes: MAX_ANONYMOUS_BODY_BYTES.min(config.max_body_bytes),
            patience: config.body_timeout,
            memory: MemoryBudget::new(config.body_memory_bytes),
        },
        answers: MemoryBudget::new(config.answer_memory_bytes),
        limits,
        readiness: readiness.clone(),
        patience: config.request_timeout,
    });
    let guarded = |kind| {
        let guard = Arc::clone(&guard);
        layer_fn(move |route: Route| {
            let guard = Arc::clone(&guard);
            service_fn(move |request| guard::guard(Arc::clone(&guard), kind, route.clone(), request))
        })
    };
    let api = api
        .fallback(middleware::no_route)
        .method_not_allowed_fallback(middleware::no_method)
        .layer(guarded(GuardedRoutes::Api));
    let mut top_level = health::public(readiness).route_layer(MapRequestLayer::new(context::recording_route));
    if config.docs {
        let root = routing::get(openapi::to_page).fallback(middleware::no_route);
        let documents =
            openapi::router(&document()).route("/", root).route("/api-docs", routing::get(middleware::to_docs));
        top_level = top_level.merge(documents.layer(guarded(GuardedRoutes::Documents)));
    }
    let top_level = top_level.method_not_allowed_fallback(middleware::no_method);
    // The router sees the path without a trailing slash, but the envelope reports it as sent.
    let routes = top_level.fallback_service(NormalizePathLayer::trim_trailing_slash().layer(api));
    // The first layer sees the request first.
    let service = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .map_response(answer::mark_small)
        .map_response(middleware::security_headers)
        .layer(middleware::cors(&config.cors))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .service(routes);
    service_fn(move |request: Request| {
        let context = RequestContext::of(&request, Arc::clone(&clock));
        let checked = protocol::check(&request);
        let has_body = !request.body().is_end_stream();
        let service = service.clone();
        let answered = async move {
            match checked {
                Ok(()) => {
                    let response = respond(service, request).await;
                    let body_is_left = has_body && response.extensions().get::<BodyRead>().is_none();
                    if body_is_left { middleware::closing(response) } else { response }
                }
                Err(refusal) => middleware::closing(middleware::security_headers(refusal.into_response())),
            }
        };
        let observed = middleware::observe(answered, context.clone(), log);
        context.scope(async { Ok(observed.await) })
    })
}

/// Boxes the future of a response once, because the compiler cannot prove that such a deeply nested future is `Send`.
fn respond<S, B>(service: S, request: Request) -> BoxFuture<'static, Response>
where
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Box::pin(async move {
        let Ok(response) = service.oneshot(request).await;
        answer::compressed(response).await
    })
}

/// The service that answers requests; cloned per connection.
pub trait HttpService:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}
