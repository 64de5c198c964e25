//! The envelope of every success under `/api`; [`error`](super::error) has that of failures.

use std::borrow::Cow;

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
use super::etag;
use super::meta::Meta;
use super::openapi::schemas::always;

/// A success: `{"success": true, "data": …, "meta": …}`.
#[derive(Debug)]
pub struct Success<T> {
    status: StatusCode,
    data: T,
    operation_id: Option<i64>,
    tagged: bool,
}

/// An answer as it is stored and sent again.
pub type Serialized = Success<Box<RawValue>>;

impl<T> Success<T> {
    /// 200.
    pub const fn ok(data: T) -> Self {
        Self { status: StatusCode::OK, data, operation_id: None, tagged: false }
    }

    /// 201.
    pub fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(data) }
    }

    /// Adds an `ETag`; a GET whose `If-None-Match` names it is answered with 304.
    #[must_use]
    pub fn with_etag(self) -> Self {
        Self { tagged: true, ..self }
    }

    /// Adds the id of the operation that made the change.
    #[must_use]
    pub fn with_operation(self, operation_id: i64) -> Self {
        Self { operation_id: Some(operation_id), ..self }
    }
}

impl<T: Serialize> Success<T> {
    /// Serializes the data, to be stored and sent again.
    ///
    /// # Errors
    /// Only if the data cannot be written as JSON.
    pub fn serialized(self) -> Result<Success<Box<RawValue>>, ApiError> {
        let data = serde_json::value::to_raw_value(&self.data).map_err(ApiError::internal)?;
        let Self { status, operation_id, tagged, .. } = self;
        Ok(Success { status, data, operation_id, tagged })
    }
}

impl Success<Box<RawValue>> {
    /// An answer that was sent before.
    #[must_use]
    pub fn replayed(status: StatusCode, data: Box<RawValue>, tagged: bool) -> Self {
        Self { status, tagged, ..Self::ok(data) }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Tells if it has an `ETag`.
    #[must_use]
    pub const fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// The data as JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        self.data.get()
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
            return match self.serialized() {
                Ok(serialized) => with_etag(serialized),
                Err(error) => error.into_response(),
            };
        }
        let meta = Meta { operation_id: self.operation_id, ..Meta::current() };
        (self.status, Json(SuccessBody { success: true, data: self.data, meta })).into_response()
    }
}

fn with_etag(success: Success<Box<RawValue>>) -> Response {
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
    always(json!(true), "Always true.")
}

/// The answer of a change that leaves nothing to show.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Done {
    /// A sentence that says what was done.
    #[schema(example = "Transaction deleted successfully")]
    pub message: Cow<'static, str>,
}
