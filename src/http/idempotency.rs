//! `Idempotency-Key`: a request that is sent again has one effect, and gets the answer of the first time.
//!
//! The record of the answer commits with the work, so that there is never one without the other. The row of the key is
//! written before the work and not seen until it is done: a request with the same key that comes meanwhile waits for it.

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

/// The key that a client gave its request, if it did.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(Option<String>);

/// A key with what was asked for under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub fingerprint: Vec<u8>,
}

/// An answer that was given.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What it was the answer to.
    pub fingerprint: Vec<u8>,
    /// Its status.
    pub status: i64,
    /// Its data, JSON to the letter; forgotten where it was large and some time has passed.
    pub data: Option<String>,
    /// Whether it had an `ETag`.
    pub tagged: bool,
    /// What was done.
    pub operation_id: Option<i64>,
}

impl IdempotencyKey {
    /// The key with what is asked for, once the body has been read; `None` without a key.
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

impl Stored {
    /// The answer again, if it was to the same request.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] if the key stood for another request, or the answer is not kept any more.
    pub fn again(self, claim: &Claim) -> Result<Success<Box<RawValue>>, ApiError> {
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
        let success = Success::again(status, data, self.tagged);
        Ok(match self.operation_id {
            Some(operation) => success.by(operation),
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
