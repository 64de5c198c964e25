//! Checks of RFC 9112 that hyper leaves to the application.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Version, header};

use super::error::ApiError;

/// The maximum size of the head of a request (target and headers), in bytes.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Refuses a request that violates the protocol.
pub(super) fn check(request: &Request) -> Result<(), ApiError> {
    if label(request.method()) == OTHER {
        return Err(ApiError::UnknownMethod);
    }
    if head_bytes(request) > MAX_HEAD_BYTES {
        return Err(ApiError::HeadTooLarge);
    }
    check_host(request)?;
    check_coding(request.headers())
}

/// The label of unknown methods.
const OTHER: &str = "OTHER";

/// The name of a method for logs and metrics, which must not contain arbitrary text from clients.
pub(super) fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::PATCH => "PATCH",
        Method::QUERY => "QUERY",
        _ => OTHER,
    }
}

/// The size of target and headers, in bytes. hyper's own limit lets larger heads through if they arrive at once.
fn head_bytes(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    target + headers.sum::<usize>()
}

fn check_host(request: &Request) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let refused = |message: &str| Err(ApiError::BadRequest(message.to_owned()));
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() <= Version::HTTP_10 => Ok(()),
        (None, _) => refused("The header Host is missing"),
        (Some(_), Some(_)) => refused("The header Host must be given once"),
        // A target without an authority has an empty Host.
        (Some(host), None) if host.is_empty() => Ok(()),
        (Some(host), None) => {
            let valid = host.to_str().is_ok_and(|host| !host.contains('@') && host.parse::<Authority>().is_ok());
            if valid { Ok(()) } else { refused("The header Host is not a host") }
        }
    }
}

/// Refuses transfer codings other than chunked, because a body in another coding would be misinterpreted.
fn check_coding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(ApiError::UnknownCoding),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refusal(head: &[(&str, &str)]) -> Option<u16> {
        let request = head.iter().fold(Request::get("/api"), |request, (name, value)| request.header(*name, *value));
        check(&request.body(Body::empty()).expect("a request")).err().map(|error| error.status().as_u16())
    }

    #[test]
    fn there_is_one_host() {
        for host in ["localhost", "127.0.0.1:3000", "[::1]:80", "a.example", ""] {
            assert_eq!(refusal(&[("host", host)]), None, "{host}");
        }
        assert_eq!(refusal(&[]), Some(400));
        assert_eq!(refusal(&[("host", "a"), ("host", "a")]), Some(400));
        for host in ["a b", "a/b", "http://a", "a@b", "a:b:c", "a?"] {
            assert_eq!(refusal(&[("host", host)]), Some(400), "{host}");
        }
    }

    #[test]
    fn a_body_is_chunked_once_and_nothing_else() {
        assert_eq!(refusal(&[("host", "a"), ("transfer-encoding", "Chunked")]), None);
        for coding in ["gzip, chunked", "chunked, chunked", "identity", "xchunked", ""] {
            assert_eq!(refusal(&[("host", "a"), ("transfer-encoding", coding)]), Some(501), "{coding}");
        }
        let twice = [("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(refusal(&twice), Some(501));
    }

    #[test]
    fn a_head_has_no_more_bytes_than_it_may() {
        let large = "x".repeat(MAX_HEAD_BYTES);
        assert_eq!(refusal(&[("host", "a"), ("x", &large)]), Some(431));
    }
}
