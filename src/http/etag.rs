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
    /// [`ApiError::PreconditionFailed`] if it has changed since it was read.
    pub fn check(&self, current: &impl Serialize) -> Result<(), ApiError> {
        if !self.0.contains_key(header::IF_MATCH) {
            return Ok(());
        }
        let data = serde_json::to_vec(current).map_err(ApiError::internal)?;
        match matches(&self.0, header::IF_MATCH, &of(&data)) {
            Some(false) => Err(ApiError::PreconditionFailed),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let mut demands = HeaderMap::new();
        for value in parts.headers.get_all(header::IF_MATCH) {
            demands.append(header::IF_MATCH, value.clone());
        }
        Ok(Self(demands))
    }
}
