//! What every request goes through, whatever it asks for.

use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use super::context::{REQUEST_ID, RequestContext};
use super::error::{ApiError, ErrorCode};
use super::{idempotency, protocol};
use crate::config::{CorsOrigins, LogFormat};

/// Gives the request a span, one line in the log, its metrics, and its id in the answer.
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
        // The route and not the path: ids, and a query with amounts and words, are no business of a log that is kept.
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if matches!(route, "/healthz" | "/readyz") {
            // Asked every few seconds for as long as the process lives.
            tracing::debug!(target: "app::request", method, route, status, us, "answered");
        } else {
            tell(&context, format, method, status, elapsed, response.extensions().get());
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

/// Writes the line of a request.
fn tell(
    context: &RequestContext,
    format: LogFormat,
    method: &str,
    status: u16,
    elapsed: Duration,
    code: Option<&ErrorCode>,
) {
    match format {
        LogFormat::Json => {
            let (client, user) = context.caller();
            let client = client.map(tracing::field::display);
            let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let route = context.route();
            tracing::info!(target: "app::request", method, route, status, us, client, user, "answered");
        }
        // At a terminal somebody looks for what went wrong; what they looked for and how much it was stays out here as well.
        LogFormat::Human => {
            let path = printable(context.path().split('?').next().unwrap_or_default());
            let ms = elapsed.as_secs_f64() * 1000.0;
            let code = code.map_or_else(String::new, |ErrorCode(code)| format!(" {code}"));
            tracing::info!(target: "app::request", "{method} {path} {status} {ms:.1} ms{code}");
        }
    }
}

/// The most characters of a path in the log.
const MAX_PATH: usize = 200;

/// A path as it is logged: on one line, whatever a terminal would make of it, and not endless.
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

/// Headers that make a browser careful with what it is given.
pub(super) fn security_headers<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .insert(PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"));
    // A page says itself what it needs. Everything else is data, which no page may run and nobody may keep.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing =
            HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
        // What has a tag may be kept by its own user, and is asked for again.
        let kept = if headers.contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
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

/// A handler that panicked: the request gets its 500, the server goes on.
pub(super) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(format!("a handler panicked: {words}")).into_response()
}

/// Ends the connection with an answer: the rest of its request may be on its way, and the next could not be told from it.
pub(super) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
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
