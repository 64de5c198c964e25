//! The kit that every feature is served with: envelope, errors, input, identity, limits; and how the router is put
//! together from them.

pub mod client_address;
pub mod context;
pub mod envelope;
pub mod error;
pub mod extract;
mod guard;
pub mod health;
mod hs256;
pub mod identity;
pub mod input;
mod middleware;
pub mod openapi;
pub mod rate_limit;
pub mod readiness;
pub mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::{Router, routing};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::normalize_path::NormalizePathLayer;

use crate::config::CorsOrigins;
use crate::domain::clock::Clock;

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

/// Puts the features' routes, the documents and the health routes into one router, with everything around it.
pub fn assemble(kit: Kit, api: Router, document: utoipa::openapi::OpenApi) -> Router {
    let guard = Arc::new(Guard {
        permits: Semaphore::new(kit.max_in_flight),
        limits: kit.limits,
        readiness: kit.readiness.clone(),
        patience: kit.request_timeout,
    });
    // The first layer sees the request first.
    let outside = ServiceBuilder::new()
        .layer(axum::middleware::from_fn_with_state(kit.clock, middleware::observe))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::from_fn(middleware::security_headers))
        .layer(middleware::cors(&kit.cors))
        .layer(CatchPanicLayer::custom(middleware::panicked));
    let api = api
        .fallback(middleware::no_route)
        .method_not_allowed_fallback(middleware::no_method)
        .layer(DefaultBodyLimit::max(kit.max_body_bytes))
        .layer(axum::middleware::from_fn_with_state(guard, guard::guard));
    let around = health::router(kit.readiness, kit.metrics)
        .merge(openapi::router(document))
        .route("/api-docs", routing::get(middleware::to_docs))
        .method_not_allowed_fallback(middleware::no_method);
    // A trailing slash is dropped before the routes are looked at, but the envelope tells the path as it was written.
    around.fallback_service(NormalizePathLayer::trim_trailing_slash().layer(api)).layer(outside)
}
