//! Who is asking. A handler that takes a [`CurrentUser`] is for people who are signed in; one that does not is public.

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

/// The user who signed in, by a token that the server itself made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentUser {
    /// The user's id.
    pub id: i64,
}

/// The most bytes of a token: the longest address makes one of half of them.
const MAX_TOKEN_BYTES: usize = 2048;

/// The header of every token that is taken, as it is written: `{"typ":"JWT","alg":"HS256"}` here, and the same two the other
/// way round by the original. It is never parsed, so that nothing in a header can be.
const HEADERS: [&str; 2] = ["eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"];

/// Makes and checks the tokens: JWT, HMAC-SHA-256 and nothing else.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

/// What a token says; the same as the original's, whose tokens go on being good.
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
    /// Tokens signed with `secret` that are good for `lifetime`.
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

    /// A token for a user, and how many seconds it is good for.
    ///
    /// # Errors
    /// Only if the claims cannot be written as JSON.
    pub fn issue(&self, user_id: i64, email: &str) -> Result<(String, u64), jsonwebtoken::errors::Error> {
        let iat = self.clock.now().timestamp();
        let seconds = self.lifetime.as_secs();
        let exp = iat.saturating_add_unsigned(seconds);
        let claims = Claims { user_id, email: email.to_owned(), iat, exp, nbf: None };
        Ok((jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?, seconds))
    }

    /// Who a request's `Authorization` header speaks for; `None` without a good token.
    #[must_use]
    pub fn identify(&self, headers: &HeaderMap) -> Option<CurrentUser> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (scheme, token) = given.next()?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") || given.next().is_some() {
            return None;
        }
        let claims = self.verified(token.trim())?;
        let now = self.clock.now().timestamp();
        // To the second, as the original does.
        let is_good = claims.exp > now && claims.nbf.is_none_or(|from| from <= now);
        is_good.then_some(CurrentUser { id: claims.user_id })
    }

    /// What a token says, if it is signed by this server. Nothing of it is parsed before.
    fn verified(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        if !HEADERS.contains(&header) {
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
        // The rate limit has read the token already, to count by account.
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(*user);
        }
        Arc::<Tokens>::from_ref(state).identify(&parts.headers).ok_or(ApiError::Unauthorized)
    }
}
