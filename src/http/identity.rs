//! Authentication. A handler with a [`CurrentUser`] argument requires a valid token; all other handlers are public.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::hs256;
use crate::domain::clock::Clock;

/// The signed-in user, identified by a token that this service issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentUser {
    /// The user's id.
    pub id: i64,
}

/// The maximum length of a token, in bytes; twice that of a token for the longest e-mail address.
const MAX_TOKEN_BYTES: usize = 2048;

/// The accepted token headers, in base64: `{"typ":"JWT","alg":"HS256"}`, and the same fields in the other order, as
/// issued by the original service. Headers are compared and never parsed, so that no content of a header can be
/// exploited.
const ACCEPTED_HEADERS: [&str; 2] = ["eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"];

/// Issues and verifies tokens: JWT with HMAC-SHA-256 only.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

/// The claims of a token; the same as those of the original service, whose tokens stay valid.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    user_id: i64,
    email: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl Tokens {
    /// Creates tokens that are signed with `secret` and expire after `lifetime`.
    #[must_use]
    pub fn new(secret: &str, lifetime: Duration, clock: Arc<dyn Clock>) -> Self {
        hs256::install();
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            lifetime,
            clock,
        }
    }

    /// Issues a token for a user; returns it with its lifetime in seconds.
    ///
    /// # Errors
    /// [`jsonwebtoken::errors::Error`] if the claims cannot be serialized.
    pub fn issue(&self, user_id: i64, email: &str) -> Result<(String, u64), jsonwebtoken::errors::Error> {
        let iat = self.clock.now().timestamp();
        let seconds = self.lifetime.as_secs();
        let exp = iat.saturating_add_unsigned(seconds);
        let claims = Claims { user_id, email: email.to_owned(), iat, exp, nbf: None };
        Ok((jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?, seconds))
    }

    /// The user of the `Authorization` header; `None` without a valid token.
    #[must_use]
    pub fn identify(&self, headers: &HeaderMap) -> Option<CurrentUser> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (scheme, token) = given.next()?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") || given.next().is_some() {
            return None;
        }
        let claims = self.verify(token.trim())?;
        let now = self.clock.now().timestamp();
        // Compared in whole seconds, as the original service does.
        let is_good = claims.exp > now && claims.nbf.is_none_or(|from| from <= now);
        is_good.then_some(CurrentUser { id: claims.user_id })
    }

    /// The claims of a token, if its signature is valid. The claims are not parsed before that.
    fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        if !ACCEPTED_HEADERS.contains(&header) {
            return None;
        }
        let is_signed =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.decoding, Algorithm::HS256).ok()?;
        if !is_signed {
            return None;
        }
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    Arc<Tokens>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        // The rate limiter has verify the token already, to count by account.
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(*user);
        }
        Arc::<Tokens>::from_ref(state).identify(&parts.headers).ok_or(ApiError::Unauthorized)
    }
}
