//! Who is asking. A handler that takes a [`CurrentUser`] is for people who are signed in; one that does not is public.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
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

/// Makes and checks the tokens: JWT, HMAC-SHA-256 and nothing else.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
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
}

impl Tokens {
    /// Tokens signed with `secret` that are good for `lifetime`.
    #[must_use]
    pub fn new(secret: &str, lifetime: Duration, clock: Arc<dyn Clock>) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The expiry is held against the program's own clock, to the second, as the original does.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
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
        let claims = Claims { user_id, email: email.to_owned(), iat, exp };
        Ok((jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?, seconds))
    }

    /// Who a request's `Authorization` header speaks for; `None` without a good token.
    #[must_use]
    pub fn identify(&self, headers: &HeaderMap) -> Option<CurrentUser> {
        let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token.trim(), &self.decoding, &self.validation).ok()?.claims;
        (claims.exp > self.clock.now().timestamp()).then_some(CurrentUser { id: claims.user_id })
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
