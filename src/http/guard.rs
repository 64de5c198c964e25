//! What a request to the API has to pass before its handler: load, rate limit, readiness, time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::context;
use super::error::ApiError;
use super::rate_limit::RateLimits;
use super::readiness::ReadinessState;

/// What the guard holds a request against.
pub(super) struct Guard {
    /// Requests that may be under way.
    pub(super) permits: Semaphore,
    /// The rate limits.
    pub(super) limits: Arc<RateLimits>,
    /// Whether the API can work.
    pub(super) readiness: ReadinessState,
    /// The time until the head of the answer.
    pub(super) patience: Duration,
}

/// Goes around each route of the API. One function and not a layer for each step, because every layer costs every request.
pub(super) async fn guard(guard: Arc<Guard>, route: Route, mut request: Request) -> Result<Response, Infallible> {
    context::note_route(&request);
    // As many as may be are under way: a queue would only make all of them slow.
    let Ok(_permit) = guard.permits.try_acquire() else { return Ok(ApiError::overloaded().into_response()) };
    let (allowance, excess) = guard.limits.admit(&mut request);
    let mut response = if let Some(refusal) = excess.or_else(|| guard.readiness.refusal()) {
        refusal.into_response()
    } else {
        let answered = tokio::time::timeout(guard.patience, route.oneshot(request)).await;
        answered.unwrap_or_else(|_| Ok(ApiError::Timeout.into_response()))?
    };
    allowance.tell(response.headers_mut());
    Ok(response)
}
