//! The routes under `/api/auth`.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Login, Register};
use super::password::Verdict;
use crate::app::AppState;
use crate::features::users;
use crate::features::users::model::User;
use crate::http::envelope::{FailureBody, Success, SuccessBody};
use crate::http::error::ApiError;
use crate::http::extract::Body;
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
    Body(input): Body<Register>,
) -> Result<Success<User>, ApiError> {
    if let Some(problem) = state.passwords.problem(input.password.expose(), &input.email) {
        return Err(ApiError::Validation(vec![problem]));
    }
    let hash = state.hasher.hash(input.password).await?;
    let mut connection = state.pools.requests.acquire().await?;
    let inserted = users::store::insert(&mut connection, &input.email, input.name.as_deref(), &hash).await?;
    connection.release();
    inserted.map(Success::created).map_err(|users::store::EmailTaken| ApiError::Conflict {
        code: "EMAIL_ALREADY_EXISTS",
        message: "Email already exists".to_owned(),
    })
}

/// Somebody who has logged in.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn {
    /// For the `Authorization` header, behind `Bearer `.
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
