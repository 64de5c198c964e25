//! `ETag`, `If-None-Match` and `If-Match`: whether what somebody has seen is still what is there.
//!
//! The tag is made from what is answered, so that two answers with the same tag are the same, from every replica.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// The tag of what is answered as `data`.
#[must_use]
pub fn of(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether one of the tags of a header is this one, or any will do.
#[must_use]
pub fn matches(headers: &HeaderMap, name: HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).any(|given| {
        let given = given.trim();
        given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
    }))
}

/// What a request demands of the resource that it changes.
#[derive(Debug)]
pub struct Precondition(HeaderMap);

impl Precondition {
    /// Holds the demand against what is there now.
    ///
    /// # Errors
    /// [`ApiError::PreconditionFailed`] if it has changed since it was read, or must not be there at all.
    pub fn check(&self, current: &impl Serialize) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let data = serde_json::to_vec(current).map_err(ApiError::internal)?;
        let tag = of(&data);
        if matches(&self.0, header::IF_MATCH, &tag) == Some(false) {
            return Err(ApiError::PreconditionFailed("It was changed since it was read; read it again"));
        }
        if matches(&self.0, header::IF_NONE_MATCH, &tag) == Some(true) {
            let message = "If-None-Match names what is there, so that nothing was done; a change takes If-Match";
            return Err(ApiError::PreconditionFailed(message));
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let mut demands = HeaderMap::new();
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            for value in parts.headers.get_all(&name) {
                demands.append(&name, value.clone());
            }
        }
        Ok(Self(demands))
    }
}

/// A request about no single resource. A demand that nothing is held against must not be passed over: whoever makes it counts
/// on being refused.
#[derive(Debug)]
pub struct NoPrecondition;

impl<S: Send + Sync> FromRequestParts<S> for NoPrecondition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            if parts.headers.contains_key(&name) {
                let message =
                    "If-Match and If-None-Match are for a single resource, and this is about none; nothing was done";
                return Err(ApiError::BadRequest(message.to_owned()));
            }
        }
        Ok(Self)
    }
}
