//! The one error of the API. Whatever goes wrong becomes an [`ApiError`], and that becomes status, code and message.

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

/// What went wrong with a request.
#[derive(Debug)]
pub enum ApiError {
    /// The input breaks rules: all of them, in the order of the fields.
    Validation(Vec<String>),
    /// The request cannot be read at all.
    BadRequest(String),
    /// Nobody is signed in.
    Unauthorized,
    /// The e-mail address or the password is wrong; which one is not said.
    InvalidCredentials,
    /// `auth.registration` does not let this registration through.
    RegistrationClosed {
        /// For people: why, and what to do.
        message: &'static str,
    },
    /// A row that is not there, or is somebody else's.
    NotFound {
        /// Such as `TRANSACTION_NOT_FOUND`.
        code: &'static str,
        /// Such as `Transaction not found: 42`.
        message: String,
    },
    /// No such route.
    NoRoute,
    /// The route is there, the method is not.
    MethodNotAllowed,
    /// The request did not arrive, or was not worked off, in time.
    Timeout,
    /// Something else stands in the way.
    Conflict {
        /// Such as `EMAIL_ALREADY_EXISTS`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// Something else stands in the way, and what it is takes more than a sentence.
    Obstructed {
        /// Such as `UNDO_CONFLICT`.
        code: &'static str,
        /// For people.
        message: String,
        /// Each thing that stands in the way.
        details: Vec<String>,
    },
    /// The user has, or would have, more than a quota allows; nothing was changed.
    QuotaExceeded {
        /// For people: which quota, how much of it is used, and what to do.
        message: String,
    },
    /// It is not what it was when it was read: `If-Match`; or it is there: `If-None-Match`.
    PreconditionFailed(&'static str),
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// The head of the request is larger than allowed.
    HeadTooLarge,
    /// The method is none that HTTP has.
    UnknownMethod,
    /// The body is in a transfer coding that is not known here.
    UnknownCoding,
    /// The body is not JSON by its own word.
    UnsupportedMediaType,
    /// The body is compressed by its own word.
    EncodedBody,
    /// Too many requests.
    TooManyRequests {
        /// When to try again.
        retry_after: Duration,
    },
    /// More work than an account may have done at once or in a time.
    TooMuchWork {
        /// When to try again; `None` if it is too much however long one waits.
        retry_after: Option<Duration>,
        /// For people: the limit, and what to do.
        message: String,
    },
    /// The server cannot work now.
    Unavailable {
        /// Such as `MIGRATIONS_PENDING`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// Anything else. What it was is logged and never answered.
    Internal(Box<dyn Error + Send + Sync>),
}

/// The code of a failure, beside its answer, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorCode(pub(super) &'static str);

/// The seconds after which a client may try again when the server cannot work.
const RETRY_UNAVAILABLE_SECONDS: u64 = 2;

/// The codes of failures, in alphabetical order, without those that resources add: `TAG_NOT_FOUND`.
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
    /// What went wrong.
    pub error: FailureError,
    /// About the request.
    pub meta: Meta,
}

/// What went wrong.
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
    /// The database cannot be reached.
    #[must_use]
    pub fn database_unavailable() -> Self {
        Self::Unavailable {
            code: "DATABASE_UNAVAILABLE",
            message: "The database cannot be reached; try again shortly".to_owned(),
        }
    }

    /// There is more to do than can be done.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::Unavailable { code: "OVERLOADED", message: "The server has too much to do; try again shortly".to_owned() }
    }

    /// Something that cannot happen did.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The status of the answer.
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

    /// The code in the answer.
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

    /// What went wrong, for a log or a terminal: of what is never answered, the causes.
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
        // The boundary: the one place that logs an error.
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
        response.extensions_mut().insert(ErrorCode(code));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The most bytes of an error in the log: the database's may quote what a client sent.
const MAX_LOGGED_BYTES: usize = 2_000;

/// An error as it is logged, cut where it is too long.
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
