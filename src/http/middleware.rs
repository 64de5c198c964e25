//! Middleware for all requests.

use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use super::context::{REQUEST_ID, RequestContext};
use super::error::{ApiError, LoggedErrorCode};
use super::{idempotency, protocol};
use crate::config::{CorsOrigins, LogFormat};

/// Adds the request's span, log line, metrics, and the request id in the response.
pub(super) async fn observe(
    answered: impl Future<Output = Response> + Send + 'static,
    context: RequestContext,
    format: LogFormat,
) -> Response {
    let started = Instant::now();
    let span = tracing::info_span!("request", id = %context.request_id());
    let handled = async move {
        let mut response = answered.await;
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        let (method, route) = (protocol::label(context.method()), context.route());
        // The route pattern instead of the path: ids and queries with amounts and words must not be kept in logs.
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if matches!(route, "/healthz" | "/readyz") {
            // Probes run every few seconds, so they are not logged by default.
            tracing::debug!(target: "app::request", method, route, status, us, "answered");
        } else {
            log_request(&context, format, method, status, elapsed, response.extensions().get());
        }
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        metrics::counter!("http_requests_total", &labels).increment(1);
        metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(elapsed.as_secs_f64());
        if let Ok(id) = HeaderValue::from_str(context.request_id()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    };
    handled.instrument(span).await
}

/// Writes the log line of a request.
fn log_request(
    context: &RequestContext,
    format: LogFormat,
    method: &str,
    status: u16,
    elapsed: Duration,
    code: Option<&LoggedErrorCode>,
) {
    match format {
        LogFormat::Json => {
            let (client, user) = context.caller();
            let client = client.map(tracing::field::display);
            let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let route = context.route();
            tracing::info!(target: "app::request", method, route, status, us, client, user, "answered");
        }
        // At a terminal, the path helps to find errors. The query is left out here, too.
        LogFormat::Human => {
            let path = printable(context.path().split('?').next().unwrap_or_default());
            let ms = elapsed.as_secs_f64() * 1000.0;
            let code = code.map_or_else(String::new, |LoggedErrorCode(code)| format!(" {code}"));
            tracing::info!(target: "app::request", "{method} {path} {status} {ms:.1} ms{code}");
        }
    }
}

/// The maximum length of a path in the log, in characters.
const MAX_PATH: usize = 200;

/// A path for the log: on one line, without control characters, and of limited length.
fn printable(path: &str) -> String {
    let mut text = String::new();
    for character in path.chars().take(MAX_PATH) {
        if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
    }
    if path.chars().nth(MAX_PATH).is_some() {
        text.push('…');
    }
    text
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Headers that restrict browsers in handling the response.
pub(super) fn security_headers<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .insert(PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"));
    // Pages set their own policy. Everything else is data that must not be run as a page, or cached by others.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing =
            HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
        // A response with an ETag may be cached by the user's own client, and is revalidated.
        let kept = if headers.contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    response
}

/// The requests that browsers may send from other origins.
pub(super) fn cors(origins: &CorsOrigins) -> CorsLayer {
    use axum::http::Method;
    let origin = match origins {
        CorsOrigins::Any => AllowOrigin::any(),
        CorsOrigins::These(origins) => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency::HEADER,
            REQUEST_ID,
        ])
        .expose_headers([
            REQUEST_ID,
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit-limit"),
            HeaderName::from_static("ratelimit-remaining"),
            HeaderName::from_static("ratelimit-reset"),
        ])
        .max_age(Duration::from_hours(1))
}

/// The 500 response for a handler that panicked; the server continues.
pub(super) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(format!("a handler panicked: {words}")).into_response()
}

/// Closes the connection after a response, because the unread rest of the request could be taken for the next one.
pub(super) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The response to a path without a route.
pub(super) async fn no_route() -> ApiError {
    ApiError::NoRoute
}

/// The response to a method that the route does not support. The router adds `Allow`.
pub(super) async fn no_method() -> ApiError {
    ApiError::MethodNotAllowed
}

/// Redirects `/api-docs`, the documentation path of the original service.
pub(super) async fn to_docs() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/api/docs/")]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_log_is_one_short_line_without_control_characters() {
        assert_eq!(printable("/api/nope"), "/api/nope");
        assert_eq!(printable("/a\x1b[31m\r\n\u{9b}b"), "/a\\u{1b}[31m\\r\\n\\u{9b}b");
        assert_eq!(printable(&"ก".repeat(1000)).chars().count(), MAX_PATH + 1);
    }
}
