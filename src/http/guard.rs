//! What a request has to pass before its handler: rate limit, the share of its client, its body, load, readiness, time.

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

use super::answer::{self, Kept};
use super::context;
use super::error::ApiError;
use super::identity::CurrentUser;
use super::memory::Memory;
use super::rate_limit::{Admission, Caller, RateLimits};
use super::readiness::ReadinessState;
use super::request_body::{Bodies, Read};
use super::shares::Shares;

/// A request waits so long for another one of the same client to end.
const PATIENCE_FOR_OWN: Duration = Duration::from_secs(10);

/// What the guard holds a request against.
pub(super) struct Guard {
    /// Requests that may be under way.
    pub(super) permits: Semaphore,
    /// Requests that an account may have under way.
    pub(super) accounts: Arc<Shares<i64>>,
    /// Requests of an account that may be worked on: three quarters of what there are connections of the database, so that one
    /// account's slow requests leave some to the others. With half of them, a busy account had a quarter fewer answers.
    pub(super) working: Arc<Shares<i64>>,
    /// Requests from an address that may be worked on.
    pub(super) addresses: Arc<Shares<IpAddr>>,
    /// Reads bodies.
    pub(super) bodies: Bodies,
    /// The memory for answers that wait for their clients.
    pub(super) answers: Memory,
    /// The rate limits.
    pub(super) limits: Arc<RateLimits>,
    /// Whether the API can work.
    pub(super) readiness: ReadinessState,
    /// The time until the head of the answer.
    pub(super) patience: Duration,
}

/// What is behind the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The API, which needs its database.
    Api,
    /// Documents, which need nothing.
    Documents,
}

/// In a request whose body was not read, because it is too large for somebody who is not signed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLeft;

/// In the answer to a request whose body was read to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyRead;

/// Goes around each route. One function and not a layer for each step, because every layer costs every request.
pub(super) async fn guard(
    guard: Arc<Guard>,
    behind: Behind,
    route: Route,
    mut request: Request,
) -> Result<Response, Infallible> {
    context::note_route(&request);
    let Admission { address, allowance, excess } = guard.limits.admit(&mut request);
    let mut body_is_read = false;
    let passed = match excess {
        Some(excess) => Err(excess),
        None => guard.pass(behind, route, request, address, &mut body_is_read).await,
    };
    let mut response = passed.unwrap_or_else(IntoResponse::into_response);
    if body_is_read {
        response.extensions_mut().insert(BodyRead);
    }
    allowance.tell(response.headers_mut());
    Ok(response)
}

/// `GET /api` says where the migrations stand, so it has to answer while they are not applied.
fn serves_always(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == "/api")
}

impl Guard {
    async fn pass(
        &self,
        behind: Behind,
        route: Route,
        mut request: Request,
        address: IpAddr,
        body_is_read: &mut bool,
    ) -> Result<Response, ApiError> {
        let deadline = Instant::now() + self.patience;
        let account = request.extensions().get::<CurrentUser>().map(|user| user.id);
        let caller = account.map_or(Caller::Address(address), Caller::Account);
        // Before anything is taken that others need: a body that comes slowly holds up nobody.
        let memory = match self.bodies.read(&mut request, caller, deadline).await? {
            Read::Whole(bytes, memory) => {
                *body_is_read = true;
                *request.body_mut() = Body::from(bytes);
                memory
            }
            Read::Left => {
                request.extensions_mut().insert(BodyLeft);
                None
            }
        };
        let own = self.patience.min(PATIENCE_FOR_OWN);
        let of_account = match account {
            Some(account) => {
                let under_way = self.accounts.take(account, own).await.ok_or_else(ApiError::overloaded)?;
                let working = self.working.take(account, own).await.ok_or_else(ApiError::overloaded)?;
                Some((under_way, working))
            }
            None => None,
        };
        let of_address = self.addresses.take(address, own).await.ok_or_else(ApiError::overloaded)?;
        // As many as may be are under way: a queue would only make all of them slow.
        let permit = self.permits.try_acquire().map_err(|_| ApiError::overloaded())?;
        if behind == Behind::Api
            && !serves_always(&request)
            && let Some(refusal) = self.readiness.refusal()
        {
            return Err(refusal);
        }
        let answered = tokio::time::timeout_at(deadline, route.oneshot(request)).await;
        let Ok(response) = answered.map_err(|_| ApiError::Timeout)?;
        let under_way = of_account.map(|(under_way, _)| under_way);
        drop((permit, of_address, memory));
        // An answer that is not taken counts as under way, for who asked for it and for nobody else.
        Ok(Kept::with(answer::counted(response, caller, &self.answers), under_way))
    }
}
