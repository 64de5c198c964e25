//! The kit that every feature is served with: envelope, errors, input, identity, limits; and how the router is put
//! together from them.

mod answer;
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
pub mod json;
pub mod lane;
mod memory;
pub mod meta;
mod middleware;
pub mod openapi;
pub mod page;
pub mod precondition;
pub mod presence;
mod protocol;
pub mod rate_limit;
pub mod readiness;
mod request_body;
pub mod rules;
pub mod scope;
pub mod security_log;
mod shares;
pub mod stream;
pub mod walk;
pub mod weight;

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

use self::context::RequestContext;
use self::guard::{Behind, BodyRead, Guard};
use self::memory::Memory;
use self::rate_limit::RateLimits;
use self::readiness::ReadinessState;
use self::request_body::Bodies;
use self::shares::Shares;

/// The most bytes of the head of a request: its target and its headers.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most bytes of a body of somebody who is not signed in, and has only an address and a password to send.
const MAX_ANONYMOUS_BODY_BYTES: usize = 64 * 1024;

/// What the kit needs to put the router together.
pub struct Kit {
    /// The clock of the envelope's timestamps.
    pub clock: Arc<dyn Clock>,
    /// Limits, and who may call from where.
    pub config: ServerConfig,
    /// The form of the log, which decides how much of a request's path is in it.
    pub log: LogFormat,
    /// Whether the API can work.
    pub readiness: ReadinessState,
    /// The rate limits.
    pub limits: Arc<RateLimits>,
    /// Connections of the database for requests.
    pub connections: usize,
}

/// Puts the features' routes, the documents and the health routes into one service, with everything around it.
///
/// What goes around everything is put on from outside and not as layers of a router, which boxes each of them for each
/// request.
pub fn assemble(kit: Kit, api: Router, document: impl FnOnce() -> serde_json::Value) -> impl HttpService {
    let Kit { clock, config, log, readiness, limits, connections } = kit;
    let guard = Arc::new(Guard {
        permits: Semaphore::new(config.max_in_flight),
        accounts: Shares::new(config.max_in_flight_per_account),
        working: Shares::new(connections.saturating_sub((connections / 4).max(1)).max(1)),
        addresses: Shares::new(config.max_in_flight_per_address),
        bodies: Bodies {
            max_bytes: config.max_body_bytes,
            max_anonymous_bytes: MAX_ANONYMOUS_BODY_BYTES.min(config.max_body_bytes),
            patience: config.body_timeout,
            memory: Memory::new(config.body_memory_bytes),
        },
        answers: Memory::new(config.answer_memory_bytes),
        limits,
        readiness: readiness.clone(),
        patience: config.request_timeout,
    });
    let guarded = |behind| {
        let guard = Arc::clone(&guard);
        layer_fn(move |route: Route| {
            let guard = Arc::clone(&guard);
            service_fn(move |request| guard::guard(Arc::clone(&guard), behind, route.clone(), request))
        })
    };
    let api = api
        .fallback(middleware::no_route)
        .method_not_allowed_fallback(middleware::no_method)
        .layer(guarded(Behind::Api));
    let mut around = health::public(readiness).route_layer(MapRequestLayer::new(context::noting_route));
    if config.docs {
        let root = routing::get(openapi::to_page).fallback(middleware::no_route);
        let documents =
            openapi::router(&document()).route("/", root).route("/api-docs", routing::get(middleware::to_docs));
        around = around.merge(documents.layer(guarded(Behind::Documents)));
    }
    let around = around.method_not_allowed_fallback(middleware::no_method);
    // A trailing slash is dropped before the routes are looked at, but the envelope tells the path as it was written.
    let routes = around.fallback_service(NormalizePathLayer::trim_trailing_slash().layer(api));
    // The first sees the request first.
    let inside = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .map_response(answer::note_size)
        .map_response(middleware::security_headers)
        .layer(middleware::cors(&config.cors))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .service(routes);
    service_fn(move |request: Request| {
        let context = RequestContext::of(&request, Arc::clone(&clock));
        let checked = protocol::check(&request);
        let has_body = !request.body().is_end_stream();
        let inside = inside.clone();
        let answered = async move {
            match checked {
                Ok(()) => {
                    let response = answered(inside, request).await;
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

/// The future of an answer, boxed once: the compiler cannot tell of so deep a future that it may go from thread to thread.
fn answered<S, B>(service: S, request: Request) -> BoxFuture<'static, Response>
where
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Box::pin(async move {
        let Ok(response) = service.oneshot(request).await;
        answer::compressed(response).await
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
