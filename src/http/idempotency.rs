//! `Idempotency-Key`: a request that is sent again has one effect, and gets the first answer again.
//!
//! The stored answer commits together with the change. The row of the key is written before the change and becomes visible with
//! the commit, so that a second request with the same key waits for the first.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::context::RequestContext;
use super::envelope::Success;
use super::error::ApiError;

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key.
pub(super) const MAX_LENGTH: usize = 255;

/// The key of a request, if it has one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(Option<String>);

/// A key together with the request that it was given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub fingerprint: Vec<u8>,
}

/// A stored answer.
#[derive(Debug, Clone)]
pub struct StoredAnswer {
    /// The fingerprint of the request.
    pub fingerprint: Vec<u8>,
    /// The status.
    pub status: i64,
    /// The data as JSON; large data are deleted after some minutes.
    pub data: Option<String>,
    /// Set if it had an `ETag`.
    pub tagged: bool,
    /// The operation that made the change.
    pub operation_id: Option<i64>,
}

impl IdempotencyKey {
    /// The key with the fingerprint of the request, once the body has been read; `None` without a key.
    #[must_use]
    pub fn claim(self) -> Option<Claim> {
        let key = self.0?;
        let context = RequestContext::current()?;
        let mut digest = Sha256::new();
        // With and without a slash at its end, a path is the same route.
        let (path, query) = context.path().split_once('?').unwrap_or((context.path(), ""));
        let target = format!("{}{}{query}", path.trim_end_matches('/'), if query.is_empty() { "" } else { "?" });
        for part in [context.method().as_str().as_bytes(), target.as_bytes(), &context.body_digest()] {
            digest.update(part);
            digest.update([0]);
        }
        Some(Claim { key, fingerprint: digest.finalize().to_vec() })
    }
}

impl StoredAnswer {
    /// The answer to send again, if the request is the same.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] if the key stood for another request, or the answer is not kept any more.
    pub fn replay(self, claim: &Claim) -> Result<Success<Box<RawValue>>, ApiError> {
        if self.fingerprint != claim.fingerprint {
            return Err(ApiError::Conflict {
                code: "IDEMPOTENCY_KEY_REUSED",
                message: "The Idempotency-Key was used for another request; nothing was done. Use a new key".to_owned(),
            });
        }
        let status = u16::try_from(self.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or_else(|| ApiError::internal("a stored answer has no status"))?;
        let Some(data) = self.data else {
            let operation = self.operation_id.map_or_else(String::new, |id| format!(", as operation {id}"));
            return Err(ApiError::Conflict {
                code: "IDEMPOTENCY_ANSWER_GONE",
                message: format!(
                    "What was asked under this Idempotency-Key was done{operation}, and the answer, a large one, is not kept \
                     any more; nothing was done again. Read what it made"
                ),
            });
        };
        let data = RawValue::from_string(data).map_err(ApiError::internal)?;
        let success = Success::replayed(status, data, self.tagged);
        Ok(match self.operation_id {
            Some(operation) => success.with_operation(operation),
            None => success,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        read(&parts.headers).map(Self)
    }
}

fn read(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    // HTTP lets tabs through, which are not visible.
    if key.is_empty() || key.len() > MAX_LENGTH || key.contains(char::is_control) || given.next().is_some() {
        return Err(ApiError::BadRequest(format!(
            "Idempotency-Key must be given once, as 1 to {MAX_LENGTH} visible ASCII characters"
        )));
    }
    Ok(Some(key.to_owned()))
}
