//! Data about the current request for code that writes its response: the envelope's `meta`, the log line.

use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method, header};

use super::etag;
use crate::domain::clock::Clock;

/// The header with the request id, which is sent by the client or generated.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The current request.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<ContextData>);

#[derive(Debug)]
struct ContextData {
    method: Method,
    /// The path with its query, as sent by the client.
    path: String,
    request_id: String,
    clock: Arc<dyn Clock>,
    /// The route pattern, once it is known: `/api/transactions/{id}`.
    route: OnceLock<MatchedPath>,
    /// The `If-None-Match` headers of a GET request.
    if_none_match: HeaderMap,
    /// The client address and the account id, once they are known.
    caller: OnceLock<(IpAddr, Option<i64>)>,
    /// The SHA-256 digest of the body, if a handler has asked for it.
    body_digest: OnceLock<[u8; 32]>,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

impl RequestContext {
    /// Captures the data of a request, before any layer changes its path.
    #[must_use]
    pub fn of(request: &Request, clock: Arc<dyn Clock>) -> Self {
        let path = request.uri().path_and_query().map_or_else(|| request.uri().path(), |path| path.as_str());
        Self(Arc::new(ContextData {
            method: request.method().clone(),
            path: path.to_owned(),
            request_id: id_from_client(request.headers()).unwrap_or_else(generate_id),
            clock,
            route: OnceLock::new(),
            if_none_match: if_none_match(request),
            caller: OnceLock::new(),
            body_digest: OnceLock::new(),
        }))
    }

    /// The context of the request that the current task serves; `None` outside of requests.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future inside this context.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The request method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path with its query, as sent by the client.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.clock.now()
    }

    /// Returns true if the client already has the response with this `ETag`.
    #[must_use]
    pub fn has_seen(&self, tag: &str) -> bool {
        etag::matches(&self.0.if_none_match, header::IF_NONE_MATCH, tag).unwrap_or(false)
    }

    /// Records the digest of the body.
    pub(super) fn note_body(&self, digest: [u8; 32]) {
        // A body is read once, so the cell is empty.
        let _ = self.0.body_digest.set(digest);
    }

    /// The SHA-256 digest of the body; zeros if there was none.
    #[must_use]
    pub fn body_digest(&self) -> [u8; 32] {
        self.0.body_digest.get().copied().unwrap_or_default()
    }

    /// The client address and the account id, as far as they are known.
    #[must_use]
    pub fn caller(&self) -> (Option<IpAddr>, Option<i64>) {
        self.0.caller.get().map_or((None, None), |(client, user)| (Some(*client), *user))
    }

    /// The route pattern, which keeps ids out of logs and metrics; `-` for an unknown path.
    #[must_use]
    pub fn route(&self) -> &str {
        self.0.route.get().map_or("-", MatchedPath::as_str)
    }
}

/// Records the route pattern for the log and the metrics, if the router has found it.
pub(super) fn record_route(request: &Request) {
    if let (Some(context), Some(route)) = (RequestContext::current(), request.extensions().get::<MatchedPath>()) {
        // A request has one route, so the cell is empty or has the same value.
        let _ = context.0.route.set(route.clone());
    }
}

/// Records the client for the log.
pub(super) fn record_caller(client: IpAddr, user: Option<i64>) {
    if let Some(context) = RequestContext::current() {
        // A request is admitted once, so the cell is empty.
        let _ = context.0.caller.set((client, user));
    }
}

/// Like `record_route`, as a middleware.
pub(super) fn recording_route(request: Request) -> Request {
    record_route(&request);
    request
}

fn if_none_match(request: &Request) -> HeaderMap {
    let mut if_none_match = HeaderMap::new();
    if request.method() == Method::GET {
        for value in request.headers().get_all(header::IF_NONE_MATCH) {
            if_none_match.append(header::IF_NONE_MATCH, value.clone());
        }
    }
    if_none_match
}

/// The request id sent by the client, if it is short and plain; it ends up in logs and responses.
fn id_from_client(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Generates a unique request id: a random number per process plus a counter, scrambled.
fn generate_id() -> String {
    // Without the system's random source ids are less unique, which is no reason to refuse a request.
    static FIRST: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Multiplying by an odd number makes consecutive ids look different and is a bijection, so ids stay unique.
    let number = FIRST.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{number:016x}")
}
