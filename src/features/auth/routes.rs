//! The routes under `/api/auth`.

use std::net::IpAddr;

use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Connection as _, PgConnection};
use tracing::Instrument as _;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Login, Register};
use super::password::Verdict;
use super::registration;
use super::sign_in::Standing;
use crate::config::secret::Secret;
use crate::features::feature::Feature;
use crate::features::history::idempotency_store;
use crate::features::users::model::User;
use crate::features::{categories, users};
use crate::http::envelope::{Success, SuccessBody};
use crate::http::error::{ApiError, FailureBody};
use crate::http::extract::Body;
use crate::http::idempotency::{Claim, IdempotencyKey};
use crate::http::identity::CurrentUser;
use crate::http::rate_limit::{ClientAddress, LimitedAttempt};
use crate::http::scope::Scope;
use crate::http::security_log::SecurityEvent;
use crate::state::AppState;

/// The feature.
pub const FEATURE: Feature = Feature {
    tag: "auth",
    about: "Registering, logging in, and who is signed in. Begin here: everything else needs a token.",
    router,
    tables: &["known_networks", "sign_in_failures", "invites"],
    ..Feature::EMPTY
};

fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(register)).routes(routes!(login))
}

/// Registers a user.
///
/// The setting `auth.registration` of the server says who may register: anybody, the first user, users with an invitation, or nobody.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "auth",
    request_body(content = Register, example = json!({"email": "test@example.com", "password": "correct horse battery", "name": "Test User"})),
    responses(
        (status = 201, description = "Registered", body = SuccessBody<User>),
        (status = 403, description = "`REGISTRATION_CLOSED`: registration is closed, or needs another `inviteCode`", body = FailureBody),
        (status = 409, description = "`EMAIL_ALREADY_EXISTS`", body = FailureBody),
    )
)]
async fn register(
    State(state): State<AppState>,
    client: ClientAddress,
    _: LimitedAttempt,
    key: IdempotencyKey,
    Body(input): Body<Register>,
) -> Result<Success<Box<RawValue>>, ApiError> {
    let (mode, claim) = (state.registration, key.claim());
    let mut connection = state.pools.requests.acquire().await?;
    let again = answered_before(&mut connection, &input.email, claim.as_ref()).await?;
    let open = again.is_some() || registration::is_open(&mut connection, mode, input.invite_code.as_ref()).await?;
    connection.release();
    if let Some(again) = again {
        return Ok(again);
    }
    if !open {
        SecurityEvent::RegistrationRefused.log(Some(client.address), None);
        return Err(registration::refusal(mode, input.invite_code.is_some()));
    }
    if let Some(problem) = state.passwords.shortness(input.password.expose()) {
        return Err(ApiError::Validation(vec![problem]));
    }
    let Register { email, password, name, invite_code } = input;
    let ticket = state.hasher.ticket(client.network, None)?;
    let (policy, own) = (state.passwords, (email.clone(), name.clone()));
    let judge = move |password: &str| policy.problem(password, &own.0, own.1.as_deref());
    // No connection is held while the password is hashed: hashing is slow, and connections are few.
    let hash = state.hasher.hash(&ticket, password, judge).await?;
    let newcomer = Newcomer { email, name, hash, invite_code, network: client.network };
    let connection = state.pools.requests.acquire().await?;
    let register = async |database: &mut PgConnection| register_in(database, &state, &newcomer, claim.as_ref()).await;
    match connection.transaction(register).await {
        Ok((user_id, answer)) => {
            SecurityEvent::Registered.log(Some(client.address), Some(user_id));
            Ok(answer)
        }
        Err(NotRegistered::Before(answer)) => Ok(answer),
        Err(NotRegistered::Failed(error)) => {
            if matches!(error, ApiError::RegistrationClosed { .. }) {
                SecurityEvent::RegistrationRefused.log(Some(client.address), None);
            }
            Err(error)
        }
    }
}

/// A user to be registered.
struct Newcomer {
    email: String,
    name: Option<String>,
    hash: Secret<String>,
    invite_code: Option<Secret<String>>,
    network: IpAddr,
}

/// No user was registered, and everything that was written is rolled back.
enum NotRegistered {
    /// An earlier, equal request has registered the user.
    Before(Success<Box<RawValue>>),
    /// The registration failed.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for NotRegistered {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Registers a user with the default categories. Returns the id and the answer.
async fn register_in(
    connection: &mut PgConnection,
    state: &AppState,
    newcomer: &Newcomer,
    claim: Option<&Claim>,
) -> Result<(i64, Success<Box<RawValue>>), NotRegistered> {
    let (mode, code) = (state.registration, newcomer.invite_code.as_ref());
    if !registration::take(connection, mode, code).await? {
        let before = answered_before(connection, &newcomer.email, claim).await?;
        return Err(before.map_or_else(|| registration::refusal(mode, code.is_some()).into(), NotRegistered::Before));
    }
    let mut savepoint = connection.begin().await?;
    let inserted =
        users::store::insert(&mut savepoint, &newcomer.email, newcomer.name.as_deref(), &newcomer.hash).await?;
    let Ok(user) = inserted else {
        savepoint.rollback().await?;
        let before = answered_before(connection, &newcomer.email, claim).await?;
        // The client has sent the address; the web client of the original service shows the message.
        let taken = || {
            let message = format!("Email already exists: {}", newcomer.email);
            ApiError::Conflict { code: "EMAIL_ALREADY_EXISTS", message }.into()
        };
        return Err(before.map_or_else(taken, NotRegistered::Before));
    };
    savepoint.commit().await?;
    let user_id = user.id;
    categories::default_store::insert_all(connection, &[user_id]).await?;
    // The user will sign in from this network.
    state.sign_in.succeeded(connection, newcomer.network, user_id).await?;
    let answer = Success::created(user).serialized()?;
    if let Some(claim) = claim {
        let mut scope = Scope::new(connection, user_id);
        idempotency_store::claim(&mut scope, claim, i64::MAX).await?;
        idempotency_store::answer(&mut scope, claim, &answer, None).await?;
    }
    Ok((user_id, answer))
}

/// The stored answer to an equal request. Nobody is signed in, so the key is searched among those of the user with this address; only
/// a client that has sent the same request gets the answer.
async fn answered_before(
    connection: &mut PgConnection,
    email: &str,
    claim: Option<&Claim>,
) -> Result<Option<Success<Box<RawValue>>>, ApiError> {
    let Some(claim) = claim else { return Ok(None) };
    let Some(account) = users::store::find_account(connection, email).await? else { return Ok(None) };
    let stored = idempotency_store::find(&mut Scope::new(connection, account.user.id), &claim.key).await?;
    stored.filter(|stored| stored.fingerprint == claim.fingerprint).map(|stored| stored.replay(claim)).transpose()
}

/// A successful login.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn {
    /// The token, for the `Authorization` header, after `Bearer `.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOjF9.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `Bearer`.
    #[serde(rename = "tokenType")]
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The lifetime of the token, in seconds.
    #[serde(rename = "expiresIn")]
    #[schema(example = 86400)]
    expires_in: u64,
    /// The user.
    user: LoggedInUser,
}

/// The user who has logged in.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedInUser {
    /// The id.
    #[schema(example = 1)]
    id: i64,
    /// The address, in lower case.
    #[schema(example = "test@example.com")]
    email: String,
    /// The name.
    #[schema(required = true, example = "Test User")]
    name: Option<String>,
}

/// Logs in.
///
/// The `access_token` of the answer goes into the header `Authorization`, after `Bearer `, and is valid for `expiresIn` seconds.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body(content = Login, example = json!({"email": "test@example.com", "password": "correct horse battery"})),
    responses(
        (status = 200, description = "Logged in", body = SuccessBody<LoggedIn>),
        (status = 401, description = "`INVALID_CREDENTIALS`, for an unknown address and for a wrong password", body = FailureBody),
    )
)]
async fn login(
    State(state): State<AppState>,
    client: ClientAddress,
    Body(input): Body<Login>,
) -> Result<Success<LoggedIn>, ApiError> {
    let attempt = state.sign_in.attempt(client.network, &input.email);
    let ticket = state.hasher.ticket(client.network, Some(attempt.account_key))?;
    // No connection is held while the password is hashed: hashing is slow, and connections are few.
    let mut connection = state.pools.requests.acquire().await?;
    let account = users::store::find_account(&mut connection, &input.email).await?;
    let user_id = account.as_ref().map(|account| account.user.id);
    let (standing, remembered) = state.sign_in.standing(&mut connection, &attempt, user_id).await?;
    let kinds = state.hasher.kinds(&mut connection).await?;
    connection.release();
    let lane = match standing {
        Standing::Admitted(lane) => lane,
        Standing::Limited { retry_after } => {
            state.limits.log_limited_sign_in(client.address);
            return Err(ApiError::TooManyRequests { retry_after });
        }
    };
    let permit = state.hasher.turn(&ticket, lane).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let compared = {
        let state = state.clone();
        async move {
            let verdict = state.hasher.verify(permit, input.password, hash, kinds).await?;
            if verdict == Verdict::Wrong {
                SecurityEvent::SignInFailed { unknown_account: user_id.is_none() }.log(Some(client.address), user_id);
                let mut connection = state.pools.requests.acquire().await?;
                state.sign_in.failed(&mut connection, &attempt).await?;
                connection.release();
            }
            // Until here the next try from the same place waits, so that it sees that this one has failed.
            drop(ticket);
            Ok::<_, ApiError>(verdict)
        }
    };
    // A task of its own: whoever hangs up before the answer has failed all the same.
    let verdict = tokio::spawn(compared.in_current_span()).await.map_err(ApiError::internal)??;
    let (Some(account), Verdict::Right | Verdict::RightAndRenewed(_)) = (account, &verdict) else {
        return Err(ApiError::InvalidCredentials);
    };
    let User { id, email, name, .. } = account.user;
    if !remembered || verdict != Verdict::Right {
        let mut connection = state.pools.requests.acquire().await?;
        if let Verdict::RightAndRenewed(new) = &verdict {
            // If it was replaced meanwhile, by another login or a change of the password, that one stands.
            users::store::replace_hash(&mut connection, id, &account.password_hash, new).await?;
        }
        state.sign_in.succeeded(&mut connection, client.network, id).await?;
        connection.release();
    }
    SecurityEvent::SignInSucceeded.log(Some(client.address), Some(id));
    let (access_token, expires_in) = state.tokens.issue(id, &email).map_err(ApiError::internal)?;
    Ok(Success::ok(LoggedIn { access_token, token_type: "Bearer", expires_in, user: LoggedInUser { id, email, name } }))
}

/// Reads the user who is signed in.
///
/// The account of the token.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, description = "The user", body = SuccessBody<User>))
)]
async fn me(State(state): State<AppState>, user: CurrentUser) -> Result<Success<User>, ApiError> {
    let mut connection = state.pools.requests.acquire().await?;
    // The account of the token may have been deleted.
    let user = users::store::find(&mut connection, user.id).await?;
    connection.release();
    user.map(Success::ok).ok_or(ApiError::Unauthorized)
}
