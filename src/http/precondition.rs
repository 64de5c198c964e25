//! `If-Match` and `If-None-Match` of changes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Serialize;

use super::error::ApiError;
use super::etag;

/// The `If-Match` and `If-None-Match` of a change of a single resource.
#[derive(Debug)]
pub struct Precondition(HeaderMap);

impl Precondition {
    /// Compares them with the current state of the resource.
    ///
    /// # Errors
    /// [`ApiError::PreconditionFailed`] if it has changed since it was read, or must not be there at all.
    pub fn check(&self, current: &impl Serialize) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let data = serde_json::to_vec(current).map_err(ApiError::internal)?;
        let tag = etag::of(&data);
        if etag::matches(&self.0, header::IF_MATCH, &tag) == Some(false) {
            return Err(ApiError::PreconditionFailed("It was changed since it was read; read it again"));
        }
        if etag::matches(&self.0, header::IF_NONE_MATCH, &tag) == Some(true) {
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

/// Refuses `If-Match` and `If-None-Match` on a request about no single resource: a client that sends them relies on
/// the comparison.
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
