//! What every request goes through, whatever it asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use super::context::{REQUEST_ID, RequestContext};
use super::error::ApiError;
use crate::config::CorsOrigins;
use crate::domain::clock::Clock;

/// Gives the request its context, a span, one line in the log, its metrics, and its id in the answer.
pub(super) async fn observe(State(clock): State<Arc<dyn Clock>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let context = RequestContext::of(&request, clock);
    context.note_route(&request);
    let span = tracing::info_span!("request", id = %context.request_id());
    let handled = async {
        let mut response = next.run(request).await;
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        let (method, route) = (context.method().as_str(), context.route());
        // The route and not the path: ids, and a query with amounts and words, are no business of a log.
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: "app::request", method, route, status, us, "answered");
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        metrics::counter!("http_requests_total", &labels).increment(1);
        metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(elapsed.as_secs_f64());
        if let Ok(id) = HeaderValue::from_str(context.request_id()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    };
    context.clone().scope(handled.instrument(span)).await
}

/// Headers that make a browser careful with what it is given.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    // Swagger UI is a page with scripts and styles of its own; everything else is data that no page may run.
    let is_page = request.uri().path().starts_with("/api/docs");
    let mut response = next.run(request).await;
    let mut set = |name: HeaderName, value: &'static str| {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    if is_page {
        set(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
        );
    } else {
        set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        set(header::CACHE_CONTROL, "no-store");
    }
    response
}

/// What a browser may ask from another origin.
pub(super) fn cors(origins: &CorsOrigins) -> CorsLayer {
    use axum::http::Method;
    let origin = match origins {
        CorsOrigins::Any => AllowOrigin::any(),
        CorsOrigins::These(origins) => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID])
        .expose_headers([
            REQUEST_ID,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit-limit"),
            HeaderName::from_static("ratelimit-remaining"),
            HeaderName::from_static("ratelimit-reset"),
        ])
        .max_age(Duration::from_hours(1))
}

/// A handler that panicked: the request gets its 500, the server goes on.
pub(super) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(format!("a handler panicked: {words}")).into_response()
}

/// No such route.
pub(super) async fn no_route() -> ApiError {
    ApiError::NoRoute
}

/// The route is there, the method is not. The router adds `Allow`.
pub(super) async fn no_method() -> ApiError {
    ApiError::MethodNotAllowed
}

/// `/api-docs`, where the original has its documentation, leads to where it is.
pub(super) async fn to_docs() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/api/docs/")]).into_response()
}
