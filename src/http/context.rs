//! What is known of the request under way, for whatever writes its answer: the envelope's `meta`, the log line.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, Method};

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

    /// The same where the context is at hand.
    pub(super) fn note_route(&self, request: &Request) {
        if let Some(route) = request.extensions().get::<MatchedPath>() {
            // Known already where a router is nested in another; the first to know is the outer one.
            let _ = self.0.route.set(route.clone());
        }
    }

    /// The pattern of the route, so that logs and metrics hold no ids; `-` for a path that is no route.
    #[must_use]
    pub fn route(&self) -> &str {
        self.0.route.get().map_or("-", MatchedPath::as_str)
    }
}

/// Notes the pattern of the route for the log and the metrics, where the router has found one by now.
pub(super) fn note_route(request: &Request) {
    if let Some(context) = RequestContext::current() {
        context.note_route(request);
    }
}

/// An id from outside is taken only if it is short and plain: it ends up in logs and in answers.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

fn made_id() -> String {
    // Without the system's random source the id is only less unique, which is no reason to refuse the request.
    let number = getrandom::u64().unwrap_or_default();
    format!("{number:016x}")
}
