//! Admission of requests: rate limit, request body, limits per account and address, load, readiness, timeout.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::answer::{self, GuardedBody};
use super::context;
use super::error::ApiError;
use super::identity::CurrentUser;
use super::memory::MemoryBudget;
use super::rate_limit::{Admission, Caller, RateLimits};
use super::readiness::ReadinessState;
use super::request_body::{BodyReader, ReadOutcome};
use super::shares::Shares;

/// The maximum time that a request waits for other requests of the same client.
const MAX_WAIT_FOR_OWN: Duration = Duration::from_secs(10);

/// The limits that apply to each request.
pub(super) struct Guard {
    /// Requests in progress, in total.
    pub(super) permits: Semaphore,
    /// Requests in progress per account, including responses that are still being read by their client.
    pub(super) accounts: Arc<Shares<i64>>,
    /// Requests being processed per account: three quarters of the database connections, so that the slow requests of
    /// one account leave some to others. With half of them, the throughput of a busy account was a quarter lower.
    pub(super) working: Arc<Shares<i64>>,
    /// Requests being processed per address.
    pub(super) addresses: Arc<Shares<IpAddr>>,
    /// The reader of request bodies.
    pub(super) bodies: BodyReader,
    /// The memory for responses that wait for their clients.
    pub(super) answers: MemoryBudget,
    /// The rate limits.
    pub(super) limits: Arc<RateLimits>,
    /// The readiness of the API.
    pub(super) readiness: ReadinessState,
    /// The maximum time until the head of the response.
    pub(super) patience: Duration,
}

/// The kind of routes behind the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GuardedRoutes {
    /// The API, which needs the database.
    Api,
    /// Documents, which need no database.
    Documents,
}

/// Marks a request whose body was not read, because it is too large for a client that is not signed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLeft;

/// Marks the response to a request whose body was read completely.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyRead;

/// Wraps each route. A single function instead of a layer per step, because every layer costs time on every request.
pub(super) async fn guard(
    guard: Arc<Guard>,
    routes: GuardedRoutes,
    route: Route,
    mut request: Request,
) -> Result<Response, Infallible> {
    context::record_route(&request);
    let Admission { address, allowance, refusal } = guard.limits.admit(&mut request);
    let mut body_is_read = false;
    let passed = match refusal {
        Some(refusal) => Err(refusal),
        None => guard.pass(routes, route, request, address, &mut body_is_read).await,
    };
    let mut response = passed.unwrap_or_else(IntoResponse::into_response);
    if body_is_read {
        response.extensions_mut().insert(BodyRead);
    }
    allowance.write_headers(response.headers_mut());
    Ok(response)
}

/// `GET /api` reports the state of migrations, so it has to answer while they are pending.
fn serves_always(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == "/api")
}

impl Guard {
    async fn pass(
        &self,
        routes: GuardedRoutes,
        route: Route,
        mut request: Request,
        address: IpAddr,
        body_is_read: &mut bool,
    ) -> Result<Response, ApiError> {
        let deadline = Instant::now() + self.patience;
        let account = request.extensions().get::<CurrentUser>().map(|user| user.id);
        let caller = account.map_or(Caller::Address(address), Caller::Account);
        // First, before the request holds anything that others need: a body that arrives slowly delays nobody.
        let memory = match self.bodies.read(&mut request, caller, deadline).await? {
            ReadOutcome::Whole(bytes, memory) => {
                *body_is_read = true;
                *request.body_mut() = Body::from(bytes);
                memory
            }
            ReadOutcome::Skipped => {
                request.extensions_mut().insert(BodyLeft);
                None
            }
        };
        let own = self.patience.min(MAX_WAIT_FOR_OWN);
        let of_account = match account {
            Some(account) => {
                let under_way = self.accounts.take(account, own).await.ok_or_else(ApiError::overloaded)?;
                let working = self.working.take(account, own).await.ok_or_else(ApiError::overloaded)?;
                Some((under_way, working))
            }
            None => None,
        };
        let of_address = self.addresses.take(address, own).await.ok_or_else(ApiError::overloaded)?;
        // The limit is reached without a queue, because a queue would only make all requests slow.
        let permit = self.permits.try_acquire().map_err(|_| ApiError::overloaded())?;
        if routes == GuardedRoutes::Api
            && !serves_always(&request)
            && let Some(refusal) = self.readiness.refusal()
        {
            return Err(refusal);
        }
        let answered = tokio::time::timeout_at(deadline, route.oneshot(request)).await;
        let Ok(response) = answered.map_err(|_| ApiError::Timeout)?;
        let under_way = of_account.map(|(under_way, _)| under_way);
        drop((permit, of_address, memory));
        // A response that is not read counts as in progress for the account that asked for it, and for nobody else.
        Ok(GuardedBody::with(answer::counted(response, caller, &self.answers), under_way))
    }
}
