//! The routes under `/api/auth`.

use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Connection as _, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Login, Register};
use super::password::Verdict;
use crate::app::AppState;
use crate::config::secret::Secret;
use crate::features::history::keys_store;
use crate::features::users::model::User;
use crate::features::{categories, users};
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::extract::Body;
use crate::http::idempotency::{Claim, IdempotencyKey};
use crate::http::identity::CurrentUser;
use crate::http::rate_limit::{Attempt, LimitedAttempt};

/// The routes.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(register)).routes(routes!(login))
}

/// Registers a user.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "auth",
    request_body = Register,
    responses(
        (status = 201, description = "Registered", body = SuccessBody<User>),
        (status = 409, description = "`EMAIL_ALREADY_EXISTS`", body = FailureBody),
    )
)]
async fn register(
    State(state): State<AppState>,
    _: LimitedAttempt,
    key: IdempotencyKey,
    Body(input): Body<Register>,
) -> Result<Success<Box<RawValue>>, ApiError> {
    if let Some(problem) = state.passwords.problem(input.password.expose(), &input.email) {
        return Err(ApiError::Validation(vec![problem]));
    }
    let claim = key.claim();
    let hash = state.hasher.hash(input.password).await?;
    let connection = state.pools.requests.acquire().await?;
    let register = async |database: &mut PgConnection| {
        register_in(database, &input.email, input.name.as_deref(), &hash, claim.as_ref()).await
    };
    connection.transaction(register).await
}

/// Registers a user with the categories that everybody begins with, or says again what was answered when the same request
/// did so.
async fn register_in(
    connection: &mut PgConnection,
    email: &str,
    name: Option<&str>,
    hash: &Secret<String>,
    claim: Option<&Claim>,
) -> Result<Success<Box<RawValue>>, ApiError> {
    let taken = || ApiError::Conflict { code: "EMAIL_ALREADY_EXISTS", message: "Email already exists".to_owned() };
    let mut savepoint = connection.begin().await?;
    let inserted = users::store::insert(&mut savepoint, email, name, hash).await?;
    let Ok(user) = inserted else {
        savepoint.rollback().await?;
        // Nobody is signed in, so a key is looked for with whom it registered; it tells nothing to who has not sent the same.
        let Some(claim) = claim else { return Err(taken()) };
        let account = users::store::find_account(connection, email).await?.ok_or_else(taken)?;
        let stored = keys_store::find(connection, account.user.id, &claim.key).await?;
        return stored.filter(|stored| stored.fingerprint == claim.fingerprint).ok_or_else(taken)?.again(claim);
    };
    savepoint.commit().await?;
    categories::store::insert_defaults(connection, user.id).await?;
    let user_id = user.id;
    let answer = Success::created(user).written()?;
    if let Some(claim) = claim {
        keys_store::claim(connection, user_id, claim, i64::MAX).await?;
        keys_store::answer(connection, user_id, claim, &answer, None).await?;
    }
    Ok(answer)
}

/// Somebody who has logged in.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn {
    /// For the `Authorization` header, behind `Bearer `.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOjF9.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `Bearer`.
    #[serde(rename = "tokenType")]
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The seconds that the token is good for.
    #[serde(rename = "expiresIn")]
    #[schema(example = 86400)]
    expires_in: u64,
    /// Who it is.
    user: LoggedInUser,
}

/// Who has logged in.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedInUser {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "test@example.com")]
    email: String,
    #[schema(example = "Test User")]
    name: Option<String>,
}

/// Logs in.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "Logged in", body = SuccessBody<LoggedIn>),
        (status = 401, description = "`INVALID_CREDENTIALS`, for an unknown address and for a wrong password", body = FailureBody),
    )
)]
async fn login(
    State(state): State<AppState>,
    _: LimitedAttempt,
    Body(input): Body<Login>,
) -> Result<Success<LoggedIn>, ApiError> {
    state.limits.attempt(&Attempt::On(input.email.clone()))?;
    // No connection is held while the password is hashed: hashing is slow, and connections are few.
    let mut connection = state.pools.requests.acquire().await?;
    let account = users::store::find_account(&mut connection, &input.email).await?;
    connection.release();
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let verdict = state.hasher.verify(input.password, hash).await?;
    let (Some(account), Verdict::Right | Verdict::RightAndRenewed(_)) = (account, &verdict) else {
        return Err(ApiError::InvalidCredentials);
    };
    if let Verdict::RightAndRenewed(new) = &verdict {
        let mut connection = state.pools.requests.acquire().await?;
        // If it was replaced meanwhile, by another login or a change of the password, that one stands.
        users::store::replace_hash(&mut connection, account.user.id, &account.password_hash, new).await?;
        connection.release();
    }
    let User { id, email, name, .. } = account.user;
    let (access_token, expires_in) = state.tokens.issue(id, &email).map_err(ApiError::internal)?;
    Ok(Success::ok(LoggedIn { access_token, token_type: "Bearer", expires_in, user: LoggedInUser { id, email, name } }))
}

/// Who is signed in.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, description = "The user", body = SuccessBody<User>))
)]
async fn me(State(state): State<AppState>, user: CurrentUser) -> Result<Success<User>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    // A token of an account that is gone is nobody's.
    let user = users::store::find(&mut connection, user.id).await?;
    connection.release();
    user.map(Success::ok).ok_or(ApiError::Unauthorized)
}
