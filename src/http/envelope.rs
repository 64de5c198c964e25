//! The one shape of every answer under `/api`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::Schema;

use super::context::RequestContext;
use super::error::ApiError;
use super::page::Page;
use super::{etag, openapi};
use crate::domain::clock::rfc3339_millis;

/// A success: `{"success": true, "data": …, "meta": …}`.
#[derive(Debug)]
pub struct Success<T> {
    status: StatusCode,
    data: T,
    operation_id: Option<i64>,
    tagged: bool,
}

impl<T> Success<T> {
    /// 200.
    pub const fn ok(data: T) -> Self {
        Self { status: StatusCode::OK, data, operation_id: None, tagged: false }
    }

    /// 201.
    pub fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(data) }
    }

    /// The same with an `ETag`; a GET whose `If-None-Match` names it is answered with 304.
    #[must_use]
    pub fn tagged(self) -> Self {
        Self { tagged: true, ..self }
    }

    /// The same as what an operation did.
    #[must_use]
    pub fn by(self, operation_id: i64) -> Self {
        Self { operation_id: Some(operation_id), ..self }
    }
}

impl<T: Serialize> Success<T> {
    /// The same with its data written, to be kept and answered again.
    ///
    /// # Errors
    /// Only if the data cannot be written as JSON.
    pub fn written(self) -> Result<Success<Box<RawValue>>, ApiError> {
        let data = serde_json::value::to_raw_value(&self.data).map_err(ApiError::internal)?;
        let Self { status, operation_id, tagged, .. } = self;
        Ok(Success { status, data, operation_id, tagged })
    }
}

impl Success<Box<RawValue>> {
    /// One that was given before.
    #[must_use]
    pub fn again(status: StatusCode, data: Box<RawValue>, tagged: bool) -> Self {
        Self { status, tagged, ..Self::ok(data) }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether it has an `ETag`.
    #[must_use]
    pub const fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// The data as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.data.get()
    }
}

/// About the request: when it was answered, its path, its id.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// When the answer was made, RFC 3339 in UTC with milliseconds.
    #[schema(format = DateTime, example = "2026-02-16T09:30:00.000Z")]
    pub timestamp: String,
    /// The request's path with its query string.
    #[schema(example = "/api/transactions")]
    pub path: String,
    /// The request's id: the client's own `X-Request-Id`, or a made one.
    #[schema(example = "5f1d7e0a93bc4d22")]
    pub request_id: String,
    /// Where a page of a list stands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub page: Option<Page>,
    /// The operation that was done, for `POST /api/operations/{id}/undo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 17)]
    pub operation_id: Option<i64>,
}

impl Meta {
    /// The `meta` of the request under way.
    #[must_use]
    pub fn current() -> Self {
        RequestContext::current().map_or_else(
            // Only code that runs outside of every request gets here.
            Self::default,
            |context| Self {
                timestamp: rfc3339_millis(context.now()),
                path: context.path().to_owned(),
                request_id: context.request_id().to_owned(),
                ..Self::default()
            },
        )
    }
}

/// The body of a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuccessBody<T> {
    /// Always true.
    #[schema(schema_with = always_true)]
    pub success: bool,
    /// The answer itself.
    pub data: T,
    /// About the request.
    pub meta: Meta,
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        if self.tagged {
            return match self.written() {
                Ok(written) => tagged(written),
                Err(error) => error.into_response(),
            };
        }
        let meta = Meta { operation_id: self.operation_id, ..Meta::current() };
        (self.status, Json(SuccessBody { success: true, data: self.data, meta })).into_response()
    }
}

fn tagged(success: Success<Box<RawValue>>) -> Response {
    let tag = etag::of(success.text().as_bytes());
    let seen = RequestContext::current().is_some_and(|context| context.has_seen(&tag));
    let mut response = if seen {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Success { tagged: false, ..success }.into_response()
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn always_true() -> Schema {
    openapi::always(json!(true), "Always true.")
}

fn always_false() -> Schema {
    openapi::always(json!(false), "Always false.")
}

/// That something was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// What.
    #[schema(example = "Transaction deleted successfully")]
    pub message: &'static str,
}

/// The body of a failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureBody {
    /// Always false.
    #[schema(schema_with = always_false)]
    pub success: bool,
    /// What went wrong.
    pub error: FailureError,
    /// About the request.
    pub meta: Meta,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureError {
    /// For programs.
    #[schema(value_type = openapi::ErrorCode)]
    pub code: &'static str,
    /// For people: the first problem.
    #[schema(example = "amount must be positive")]
    pub message: String,
    /// Every problem, where the input was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = json!(["amount must be positive", "amount must be a number"]))]
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
