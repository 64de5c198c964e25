//! The error type of the API, which maps every failure to a status, a code and a message.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::context::RequestContext;
use super::meta::Meta;
use super::openapi::schemas::{always, verbatim};
use crate::db::error::{Meaning, meaning};
use crate::db::explain::{Cause, Chain};

/// A failed request.
#[derive(Debug)]
pub enum ApiError {
    /// The input is invalid. Contains a message per broken rule, in the order of the fields.
    Validation(Vec<String>),
    /// The request cannot be parsed.
    BadRequest(String),
    /// The request has no valid token.
    Unauthorized,
    /// The e-mail address or the password is wrong; the response does not say which.
    InvalidCredentials,
    /// `auth.registration` does not allow this registration.
    RegistrationClosed {
        /// The reason and the remedy, for people.
        message: &'static str,
    },
    /// A resource that does not exist, or belongs to another user.
    NotFound {
        /// The code, such as `TRANSACTION_NOT_FOUND`.
        code: &'static str,
        /// The message, such as `Transaction not found: 42`.
        message: String,
    },
    /// The path matches no route.
    NoRoute,
    /// The route does not support the method.
    MethodNotAllowed,
    /// The request did not arrive, or was not processed, in time.
    Timeout,
    /// The request conflicts with the current state.
    Conflict {
        /// The code, such as `EMAIL_ALREADY_EXISTS`.
        code: &'static str,
        /// The message, for people.
        message: String,
    },
    /// A conflict with a list of its causes.
    Obstructed {
        /// The code, such as `UNDO_CONFLICT`.
        code: &'static str,
        /// The message, for people.
        message: String,
        /// One message per cause.
        details: Vec<String>,
    },
    /// The request would exceed a quota of the user; nothing was changed.
    QuotaExceeded {
        /// The quota, its usage and the remedy, for people.
        message: String,
    },
    /// `If-Match` does not match the current version, or `If-None-Match` matches an existing one.
    PreconditionFailed(&'static str),
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// The head of the request is larger than allowed.
    HeadTooLarge,
    /// The method is not defined by HTTP.
    UnknownMethod,
    /// The transfer coding of the body is not supported.
    UnknownCoding,
    /// The content type of the body is not JSON.
    UnsupportedMediaType,
    /// The body has a content encoding.
    EncodedBody,
    /// Too many requests.
    TooManyRequests {
        /// The time after which a retry may succeed.
        retry_after: Duration,
    },
    /// The request needs more work than an account may cause at once or in a period.
    TooMuchWork {
        /// The time after which a retry may succeed; `None` if the request is too large at any time.
        retry_after: Option<Duration>,
        /// The limit and the remedy, for people.
        message: String,
    },
    /// The server cannot handle requests now.
    Unavailable {
        /// The code, such as `MIGRATIONS_PENDING`.
        code: &'static str,
        /// The message, for people.
        message: String,
    },
    /// Any other failure. Its cause is logged and never sent to the client.
    Internal(Box<dyn Error + Send + Sync>),
}

/// The error code of a response, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedErrorCode(pub(super) &'static str);

/// The `Retry-After` of 503 responses, in seconds.
const RETRY_UNAVAILABLE_SECONDS: u64 = 2;

/// The codes of failures, in alphabetical order, without those that resources add, such as `TAG_NOT_FOUND`.
pub const CODES: &[&str] = &[
    "ALREADY_UNDONE",
    "BAD_REQUEST",
    "CATEGORY_IN_USE",
    "CONFLICT",
    "DATABASE_UNAVAILABLE",
    "EMAIL_ALREADY_EXISTS",
    "HEAD_TOO_LARGE",
    "IDEMPOTENCY_ANSWER_GONE",
    "IDEMPOTENCY_KEY_REUSED",
    "INTERNAL_ERROR",
    "INVALID_CREDENTIALS",
    "METHOD_NOT_ALLOWED",
    "MIGRATIONS_PENDING",
    "NOT_FOUND",
    "NOT_IMPLEMENTED",
    "OPERATION_NOT_FOUND",
    "OVERLOADED",
    "PAYLOAD_TOO_LARGE",
    "PRECONDITION_FAILED",
    "QUOTA_EXCEEDED",
    "REGISTRATION_CLOSED",
    "REQUEST_TIMEOUT",
    "TOO_MANY_REQUESTS",
    "TOO_MUCH_WORK",
    "TRANSACTION_NOT_FOUND",
    "UNAUTHORIZED",
    "UNDO_CONFLICT",
    "UNSUPPORTED_MEDIA_TYPE",
];

/// The body of a failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureBody {
    /// Always false.
    #[schema(schema_with = always_false)]
    pub success: bool,
    /// The reason of the failure.
    pub error: FailureError,
    /// About the request.
    pub meta: Meta,
}

/// The reason of a failure, for programs and for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureError {
    /// For programs.
    #[schema(value_type = CodeSchema)]
    pub code: &'static str,
    /// For people: the first problem.
    #[schema(example = "amount must be positive")]
    pub message: String,
    /// Every problem, where the input was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = json!(["amount must be positive", "amount must be a number"]))]
    pub details: Option<Vec<String>>,
}

fn always_false() -> Schema {
    always(json!(false), "Always false.")
}

/// The schema of the codes of failures.
pub struct CodeSchema;

impl utoipa::PartialSchema for CodeSchema {
    fn schema() -> RefOr<Schema> {
        let description = "The reason of the failure, for programs.";
        verbatim(json!({"type": "string", "enum": CODES, "description": description})).into()
    }
}

impl utoipa::ToSchema for CodeSchema {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

impl ApiError {
    /// A 503 response: the database cannot be reached.
    #[must_use]
    pub fn database_unavailable() -> Self {
        Self::Unavailable {
            code: "DATABASE_UNAVAILABLE",
            message: "The database cannot be reached; try again shortly".to_owned(),
        }
    }

    /// A 503 response: the server has more work than it can handle.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::Unavailable { code: "OVERLOADED", message: "The server has too much to do; try again shortly".to_owned() }
    }

    /// A 500 response for an unexpected error, which is logged.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Validation(_) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict { .. } | Self::Obstructed { .. } => StatusCode::CONFLICT,
            Self::RegistrationClosed { .. } | Self::QuotaExceeded { .. } => StatusCode::FORBIDDEN,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnknownMethod | Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            Self::UnsupportedMediaType | Self::EncodedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMuchWork { retry_after: None, .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests { .. } | Self::TooMuchWork { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) | Self::BadRequest(_) => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::RegistrationClosed { .. } => "REGISTRATION_CLOSED",
            Self::NoRoute => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Timeout => "REQUEST_TIMEOUT",
            Self::QuotaExceeded { .. } => "QUOTA_EXCEEDED",
            Self::PreconditionFailed(_) => "PRECONDITION_FAILED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::HeadTooLarge => "HEAD_TOO_LARGE",
            Self::UnknownMethod | Self::UnknownCoding => "NOT_IMPLEMENTED",
            Self::UnsupportedMediaType | Self::EncodedBody => "UNSUPPORTED_MEDIA_TYPE",
            Self::TooManyRequests { .. } => "TOO_MANY_REQUESTS",
            Self::TooMuchWork { .. } => "TOO_MUCH_WORK",
            Self::Internal(_) => "INTERNAL_ERROR",
            Self::NotFound { code, .. }
            | Self::Conflict { code, .. }
            | Self::Obstructed { code, .. }
            | Self::Unavailable { code, .. } => code,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } | Self::TooMuchWork { retry_after: Some(retry_after), .. } => {
                Some(retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
            }
            Self::Unavailable { .. } => Some(RETRY_UNAVAILABLE_SECONDS),
            _ => None,
        }
    }

    /// The message for logs and terminals; for internal errors it includes the causes.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Internal(error) => Chain(error.as_ref()).to_string(),
            error => error.message(),
        }
    }

    fn message(&self) -> String {
        let request = || RequestContext::current().map(|context| format!("{} {}", context.method(), context.path()));
        match self {
            Self::Validation(problems) => problems.first().cloned().unwrap_or_else(|| "Bad Request".to_owned()),
            Self::BadRequest(message)
            | Self::NotFound { message, .. }
            | Self::Conflict { message, .. }
            | Self::Obstructed { message, .. }
            | Self::QuotaExceeded { message }
            | Self::TooMuchWork { message, .. }
            | Self::Unavailable { message, .. } => message.clone(),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::InvalidCredentials => "Invalid credentials".to_owned(),
            Self::RegistrationClosed { message } | Self::PreconditionFailed(message) => (*message).to_owned(),
            Self::NoRoute | Self::MethodNotAllowed => format!("Cannot {}", request().unwrap_or_default()),
            Self::Timeout => "The request took too long and was given up".to_owned(),
            Self::PayloadTooLarge => "The body is larger than allowed".to_owned(),
            Self::HeadTooLarge => "The head of the request is larger than allowed".to_owned(),
            Self::UnknownMethod => "There is no such method".to_owned(),
            Self::UnknownCoding => "Transfer-Encoding must be chunked, and nothing else".to_owned(),
            Self::EncodedBody => "Send the body as it is, without Content-Encoding".to_owned(),
            Self::UnsupportedMediaType => "Send the body as application/json".to_owned(),
            Self::TooManyRequests { .. } => "Too many requests; try again later".to_owned(),
            Self::Internal(_) => {
                let id = RequestContext::current().map(|context| context.request_id().to_owned());
                format!("Something went wrong; quote the request id {}", id.unwrap_or_default())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // The only place that logs errors of requests.
        if let Self::Internal(error) = &self {
            tracing::error!(error = %Bounded(Chain(error.as_ref())), "a request failed");
        }
        let status = self.status();
        let retry_after = self.retry_after();
        let (code, message) = (self.code(), self.message());
        let details = match self {
            Self::Validation(details) | Self::Obstructed { details, .. } => Some(details),
            _ => None,
        };
        let body =
            FailureBody { success: false, error: FailureError { code, message, details }, meta: Meta::current() };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(LoggedErrorCode(code));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The maximum length of a logged error, in bytes. Database errors may quote what a client sent.
const MAX_LOGGED_BYTES: usize = 2_000;

/// An error for the log, cut to [`MAX_LOGGED_BYTES`].
pub(super) struct Bounded<T>(pub(super) T);

impl<T: std::fmt::Display> std::fmt::Display for Bounded<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        let end = text.floor_char_boundary(MAX_LOGGED_BYTES);
        formatter.write_str(&text[..end])?;
        if end < text.len() { formatter.write_str("…") } else { Ok(()) }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match meaning(&error) {
            Meaning::Unavailable => Self::database_unavailable(),
            Meaning::Overloaded => Self::overloaded(),
            Meaning::Mistake => return Self::internal(error),
        };
        tracing::warn!(error = %Bounded(Cause(&error)), "the database did not answer");
        unavailable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_logged_up_to_a_length() {
        assert_eq!(Bounded("short").to_string(), "short");
        let logged = Bounded("ก".repeat(1_000_000)).to_string();
        assert_eq!((logged.chars().count(), logged.ends_with('…')), (667, true));
    }
}
