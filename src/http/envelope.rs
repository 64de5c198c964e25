//! The one shape of every answer under `/api`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::context::RequestContext;
use crate::domain::clock::rfc3339_millis;

/// A success: `{"success": true, "data": …, "meta": …}`.
#[derive(Debug)]
pub struct Success<T> {
    status: StatusCode,
    data: T,
}

impl<T> Success<T> {
    /// 200.
    pub const fn ok(data: T) -> Self {
        Self { status: StatusCode::OK, data }
    }

    /// 201.
    pub const fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, data }
    }
}

/// About the request: when it was answered, its path, its id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// When the answer was made, RFC 3339 in UTC with milliseconds.
    #[schema(example = "2026-02-16T09:30:00.000Z")]
    pub timestamp: String,
    /// The request's path with its query string.
    #[schema(example = "/api/transactions")]
    pub path: String,
    /// The request's id: the client's own `X-Request-Id`, or a made one.
    #[schema(example = "5f1d7e0a93bc4d22")]
    pub request_id: String,
}

impl Meta {
    /// The `meta` of the request under way.
    #[must_use]
    pub fn current() -> Self {
        RequestContext::current().map_or_else(
            // Only code that runs outside of every request gets here.
            || Self { timestamp: String::new(), path: String::new(), request_id: String::new() },
            |context| Self {
                timestamp: rfc3339_millis(context.now()),
                path: context.path().to_owned(),
                request_id: context.request_id().to_owned(),
            },
        )
    }
}

/// The body of a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuccessBody<T> {
    /// Always true.
    pub success: bool,
    /// The answer itself.
    pub data: T,
    /// About the request.
    pub meta: Meta,
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        let body = SuccessBody { success: true, data: self.data, meta: Meta::current() };
        (self.status, Json(body)).into_response()
    }
}

/// The body of a failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureBody {
    /// Always false.
    #[schema(example = false)]
    pub success: bool,
    /// What went wrong.
    pub error: FailureError,
    /// About the request.
    pub meta: Meta,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureError {
    /// For programs: one of a fixed set, such as `BAD_REQUEST`.
    #[schema(example = "BAD_REQUEST")]
    pub code: &'static str,
    /// For people: the first problem.
    #[schema(example = "amount must be positive")]
    pub message: String,
    /// Every problem, where the input was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["amount must be positive", "amount must be a number"]))]
    pub details: Option<Vec<String>>,
}

/// For `serialize_with`: an instant as the API writes it.
///
/// # Errors
/// The serializer's.
pub fn instant<S: serde::Serializer>(
    instant: &chrono::DateTime<chrono::Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*instant))
}
