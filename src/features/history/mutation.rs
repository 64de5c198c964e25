//! Changes: every handler that changes something takes a [`Mutation`] and runs its change in it. This is one database transaction,
//! with the operation that the change can be undone by, and the answer that is stored for an `Idempotency-Key`.
//!
//! Changes of single transactions run concurrently; the lock of the row orders those of the same one. All other changes
//! (merges, deletions, moves, undo, changes of many rows) lock all data of the user: what such a change has read is
//! still so when it writes, and what a small change refers to still exists when it is written.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::idempotency_store::{self, Claimed};
use super::single_statement_store::{self, SingleStatement};
use super::store::{self, StartedOperation};
use super::tx::Tx;
use crate::config::QuotasConfig;
use crate::db::pool::Lease;
use crate::features::quotas;
use crate::http::envelope::{Serialized, Success};
use crate::http::error::ApiError;
use crate::http::idempotency::{Claim, IdempotencyKey};
use crate::http::identity::CurrentUser;
use crate::http::scope::Scope;
use crate::http::weight::SMALL;
use crate::state::AppState;

/// A change that the user who is signed in asks for.
pub struct Mutation {
    state: AppState,
    user: CurrentUser,
    key: IdempotencyKey,
}

impl Mutation {
    /// Runs a change, all of it or nothing, and returns its answer with the id of the operation. `kind` names the operation, such as
    /// `transaction.create`.
    ///
    /// # Errors
    /// The errors of the change; [`ApiError::QuotaExceeded`] if it exceeds a quota; [`ApiError::Unauthorized`] if the user does not exist any more;
    /// [`ApiError::Conflict`] if the `Idempotency-Key` was used for another request.
    pub async fn run<T: Serialize>(
        self,
        kind: &str,
        change: impl AsyncFnOnce(&mut Tx<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let _turn = self.state.lanes.change_few(self.user.id).await?;
        let connection = self.state.pools.requests.acquire().await?;
        self.run_on(connection, kind, Size::Small, change).await
    }

    /// Like [`Self::run`], for a change that [single statements](single_statement_store) may be able to make. If they are not, it is made
    /// by `change`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_single<T: Serialize, S: SingleStatement>(
        self,
        kind: &str,
        single: S,
        change: impl AsyncFnOnce(&mut Tx<'_>, S) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let _turn = self.state.lanes.change_few(self.user.id).await?;
        let mut connection = self.state.pools.requests.acquire().await?;
        let Self { state, user, key } = &self;
        let claim = key.clone().claim();
        let mut scope = Scope::new(&mut connection, user.id);
        let done =
            single_statement_store::run(&mut scope, kind, claim.as_ref(), &state.quotas, state.clock.as_ref(), &single)
                .await?;
        if let Some(answer) = done {
            connection.release();
            return Ok(answer.into_response());
        }
        self.run_on(connection, kind, Size::Small, async |tx| change(tx, single).await).await
    }

    /// Like [`Self::run`], for a change of many rows: it waits for its turn, and has a connection for such work.
    ///
    /// # Errors
    /// As [`Self::run`]; [`ApiError::TooMuchWork`] and [`ApiError::Unavailable`] if the turn does not come.
    pub async fn run_costly<T: Serialize>(
        self,
        kind: &str,
        change: impl AsyncFnOnce(&mut Tx<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let (_turn, connection) = self.state.lanes.change(self.user.id).await?;
        self.run_on(connection, kind, Size::Large, change).await
    }

    /// Like [`Self::run`], or like [`Self::run_costly`] if the change weighs more than a small one. `weigh` is given the number of
    /// rows to look at, and must be quick.
    ///
    /// # Errors
    /// As [`Self::run_costly`].
    pub async fn run_weighed<T: Serialize>(
        self,
        kind: &str,
        weigh: impl AsyncFnOnce(&mut Scope<'_>, Option<i64>) -> Result<i64, sqlx::Error>,
        change: impl AsyncFnOnce(&mut Tx<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let mut connection = self.state.pools.requests.acquire().await?;
        let weight = weigh(&mut Scope::new(&mut connection, self.user.id), Some(SMALL + 1)).await?;
        connection.release();
        if weight > SMALL { self.run_costly(kind, change).await } else { self.run(kind, change).await }
    }

    async fn run_on<T: Serialize>(
        self,
        connection: Lease,
        kind: &str,
        size: Size,
        change: impl AsyncFnOnce(&mut Tx<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let Self { state, user, key } = self;
        let claim = key.claim();
        let answer = connection.transaction(async |database| {
            let mut scope = Scope::new(database, user.id);
            let quotas = state.quotas;
            let (operation_id, near_quota) = match begin(&mut scope, kind, &quotas, claim.as_ref()).await? {
                Start::Answered(answer) => return Ok::<_, ApiError>(answer),
                Start::Fresh(StartedOperation { id, near_quota }) => (id, near_quota),
            };
            if size == Size::Large {
                store::plan_for_many(scope.connection).await?;
            }
            let mut tx = new_tx(&state, scope, operation_id);
            let answer = change(&mut tx).await?;
            let Tx { mut scope, nothing_changed, .. } = tx;
            if nothing_changed {
                store::forget(&mut scope, operation_id).await?;
                return keep(&mut scope, claim.as_ref(), answer.serialized()?, None).await;
            }
            let answer = answer.with_operation(operation_id).serialized()?;
            if near_quota || quotas::changes_many(kind) {
                quotas::check(&mut scope, operation_id, &quotas, &state.tables).await?;
            }
            keep(&mut scope, claim.as_ref(), answer, Some(operation_id)).await
        });
        Ok(answer.await?.into_response())
    }

    /// The user who asks.
    #[must_use]
    pub const fn user_id(&self) -> i64 {
        self.user.id
    }
}

fn new_tx<'c>(state: &AppState, scope: Scope<'c>, operation_id: i64) -> Tx<'c> {
    Tx {
        scope,
        operation_id,
        clock: Arc::clone(&state.clock),
        quotas: state.quotas,
        retention: state.retention,
        tables: Arc::clone(&state.tables),
        limits: Arc::clone(&state.limits),
        nothing_changed: false,
    }
}

/// The number of rows that statements are planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

/// Stores the answer for the same request under its key.
async fn keep(
    scope: &mut Scope<'_>,
    claim: Option<&Claim>,
    answer: Serialized,
    operation_id: Option<i64>,
) -> Result<Serialized, ApiError> {
    if let Some(claim) = claim {
        idempotency_store::answer(scope, claim, &answer, operation_id).await?;
    }
    Ok(answer)
}

enum Start {
    Fresh(StartedOperation),
    Answered(Serialized),
}

async fn begin(
    scope: &mut Scope<'_>,
    kind: &str,
    quotas: &QuotasConfig,
    claim: Option<&Claim>,
) -> Result<Start, ApiError> {
    if let Some(claim) = claim
        && let Claimed::Before(stored) = idempotency_store::claim(scope, claim, quotas.idempotency_keys).await?
    {
        return stored.replay(claim).map(Start::Answered);
    }
    // After the key: two requests with the same key would otherwise each hold the lock that the other one waits for.
    if !changes_one(kind) {
        store::lock_alone(scope).await?;
    }
    store::begin(scope, kind, quotas).await?.map(Start::Fresh).ok_or(ApiError::Unauthorized)
}

/// Tells if operations of this kind change a single transaction, and what it names.
fn changes_one(kind: &str) -> bool {
    matches!(kind, "transaction.create" | "transaction.update" | "transaction.delete")
}

impl FromRequestParts<AppState> for Mutation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let user = CurrentUser::from_request_parts(parts, state).await?;
        let key = IdempotencyKey::from_request_parts(parts, state).await?;
        Ok(Self { state: state.clone(), user, key })
    }
}
