//! What is known of the request under way, for whatever writes its answer: the envelope's `meta`, the log line.

use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method, header};

use super::etag;
use crate::domain::clock::Clock;

/// The header that carries a request's id, taken from the client or made.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request under way.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    method: Method,
    /// The path with its query, as the client wrote it.
    path: String,
    request_id: String,
    clock: Arc<dyn Clock>,
    /// The pattern of the route, once it is known: `/api/transactions/{id}`.
    route: OnceLock<MatchedPath>,
    /// `If-None-Match` of a GET.
    seen: HeaderMap,
    /// The client's address and the account's id, once they are known.
    caller: OnceLock<(IpAddr, Option<i64>)>,
    /// SHA-256 of the body, where somebody has asked for it.
    body_digest: OnceLock<[u8; 32]>,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

impl RequestContext {
    /// Takes what is needed from a request, before anything changes its path.
    #[must_use]
    pub fn of(request: &Request, clock: Arc<dyn Clock>) -> Self {
        let path = request.uri().path_and_query().map_or_else(|| request.uri().path(), |path| path.as_str());
        Self(Arc::new(Inner {
            method: request.method().clone(),
            path: path.to_owned(),
            request_id: given_id(request.headers()).unwrap_or_else(made_id),
            clock,
            route: OnceLock::new(),
            seen: seen(request),
            caller: OnceLock::new(),
            body_digest: OnceLock::new(),
        }))
    }

    /// The context of the request that the running task answers; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future inside this context.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path with its query, as the client wrote it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.clock.now()
    }

    /// Whether the client has what has this `ETag`, and only wants to know of something else.
    #[must_use]
    pub fn has_seen(&self, tag: &str) -> bool {
        etag::matches(&self.0.seen, header::IF_NONE_MATCH, tag).unwrap_or(false)
    }

    /// Notes what the body was, for whoever has to know it again.
    pub(super) fn note_body(&self, digest: [u8; 32]) {
        // A body is read once.
        let _ = self.0.body_digest.set(digest);
    }

    /// SHA-256 of the body; zeros where there was none.
    #[must_use]
    pub fn body_digest(&self) -> [u8; 32] {
        self.0.body_digest.get().copied().unwrap_or_default()
    }

    /// The client's address and the account's id, as far as they are known.
    #[must_use]
    pub fn caller(&self) -> (Option<IpAddr>, Option<i64>) {
        self.0.caller.get().map_or((None, None), |(client, user)| (Some(*client), *user))
    }

    /// The pattern of the route, so that logs and metrics hold no ids; `-` for a path that is no route.
    #[must_use]
    pub fn route(&self) -> &str {
        self.0.route.get().map_or("-", MatchedPath::as_str)
    }
}

/// Notes the pattern of the route for the log and the metrics, where the router has found one by now.
pub(super) fn note_route(request: &Request) {
    if let (Some(context), Some(route)) = (RequestContext::current(), request.extensions().get::<MatchedPath>()) {
        // A request has one route, so nobody was here before.
        let _ = context.0.route.set(route.clone());
    }
}

/// Notes who asks, for the log.
pub(super) fn note_caller(client: IpAddr, user: Option<i64>) {
    if let Some(context) = RequestContext::current() {
        // A request is admitted once.
        let _ = context.0.caller.set((client, user));
    }
}

/// The same as a step on the way of a request.
pub(super) fn noting_route(request: Request) -> Request {
    note_route(&request);
    request
}

fn seen(request: &Request) -> HeaderMap {
    let mut seen = HeaderMap::new();
    if request.method() == Method::GET {
        for value in request.headers().get_all(header::IF_NONE_MATCH) {
            seen.append(header::IF_NONE_MATCH, value.clone());
        }
    }
    seen
}

/// An id from outside is taken only if it is short and plain: it ends up in logs and in answers.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// An id that no other request has: the process's own random number with a count added, mixed.
fn made_id() -> String {
    // Without the system's random source ids are only less unique, which is no reason to refuse a request.
    static FIRST: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // An odd factor makes neighbours look different and never two numbers the same.
    let number = FIRST.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{number:016x}")
}
