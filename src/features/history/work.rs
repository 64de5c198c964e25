//! The unit of work: everything that changes something goes through here.
//!
//! A route that changes something takes a [`Work`] and runs its change in it: one database transaction, the operation
//! that the change can be undone by, and the answer that is given again to the same `Idempotency-Key`.
//!
//! Changes of one transaction go on beside each other, and the row's own lock orders those of the same one. Everything else
//! (merges, deletions, moves, undo, changes of many rows) has the user's data to itself: what such a change has looked at is
//! what it changes, and what a small one names is there when it is written.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use sqlx::PgConnection;

use super::keys_store::{self, Claimed};
use super::{stand_in_store, store};
use crate::app::AppState;
use crate::config::QuotasConfig;
use crate::db::pool::Lease;
use crate::domain::clock::Clock;
use crate::features::quotas;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::idempotency::{Claim, IdempotencyKey};
use crate::http::identity::CurrentUser;
use crate::http::rate_limit::RateLimits;
use crate::http::weight::SMALL;

/// A change that somebody who is signed in asks for.
pub struct Work {
    state: AppState,
    user: CurrentUser,
    key: IdempotencyKey,
}

/// A change under way: the connection, in a transaction, and whose change it is.
pub struct Unit<'c> {
    connection: &'c mut PgConnection,
    /// Who makes it.
    pub user_id: i64,
    /// What it can be undone by.
    pub operation_id: i64,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The most that the user may have.
    pub quotas: QuotasConfig,
    /// The time that an operation is kept.
    pub retention: Duration,
    limits: Arc<RateLimits>,
    nothing_changed: bool,
}

impl Unit<'_> {
    /// Notes that everything is as it was already: then there is no operation, and nothing to undo.
    pub const fn note_nothing_changed(&mut self) {
        self.nothing_changed = true;
    }

    /// Notes that a row of a table was merged into another, for what lies in the trash.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_merged(&mut self, entity: &str, from: i64, into: i64) -> Result<(), sqlx::Error> {
        stand_in_store::note_merged(self.connection, (self.user_id, self.operation_id), entity, from, into).await
    }

    /// Counts the weight of a change of many rows, before it is made.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`] if the account may not do so much.
    pub fn charge(&self, weight: i64) -> Result<(), ApiError> {
        self.limits.work.charge(self.user_id, weight)
    }
}

impl Deref for Unit<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection
    }
}

impl DerefMut for Unit<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
    }
}

impl Work {
    /// Runs a change, all of it or nothing, and answers what it answers, with the operation's id. `kind` is what the
    /// operation is called, such as `transaction.create`.
    ///
    /// # Errors
    /// Those of the change; [`ApiError::QuotaExceeded`]; [`ApiError::Unauthorized`] if there is no such user any more; [`ApiError::Conflict`] if the
    /// `Idempotency-Key` stands for another request; the database's.
    pub async fn run<T: Serialize>(
        self,
        kind: &str,
        change: impl AsyncFnOnce(&mut Unit<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let _turn = self.state.lanes.change_few(self.user.id).await?;
        let connection = self.state.pools.requests.acquire().await?;
        self.run_on(connection, kind, Size::Small, change).await
    }

    /// The same for a change of many rows, on a connection for such work, when it is the user's turn.
    ///
    /// # Errors
    /// As [`Self::run`]; [`ApiError::TooMuchWork`] and [`ApiError::Unavailable`] if the turn does not come.
    pub async fn run_costly<T: Serialize>(
        self,
        kind: &str,
        change: impl AsyncFnOnce(&mut Unit<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let (_turn, connection) = self.state.lanes.change(self.user.id).await?;
        self.run_on(connection, kind, Size::Large, change).await
    }

    /// The same for a change of few rows or many: as a costly one if it weighs more than a small one. `weigh` is given the
    /// number of rows to look at, and must be quick.
    ///
    /// # Errors
    /// As [`Self::run_costly`].
    pub async fn run_weighed<T: Serialize>(
        self,
        kind: &str,
        weigh: impl AsyncFnOnce(&mut PgConnection, Option<i64>) -> Result<i64, sqlx::Error>,
        change: impl AsyncFnOnce(&mut Unit<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let mut connection = self.state.pools.requests.acquire().await?;
        let weight = weigh(&mut connection, Some(SMALL + 1)).await?;
        connection.release();
        if weight > SMALL { self.run_costly(kind, change).await } else { self.run(kind, change).await }
    }

    async fn run_on<T: Serialize>(
        self,
        connection: Lease,
        kind: &str,
        size: Size,
        change: impl AsyncFnOnce(&mut Unit<'_>) -> Result<Success<T>, ApiError>,
    ) -> Result<Response, ApiError> {
        let claim = self.key.claim();
        let answer = connection.transaction(async |database| {
            let quotas = self.state.quotas;
            let (operation_id, near_quota) = match begin(database, self.user.id, kind, &quotas, claim.as_ref()).await? {
                Begun::Answered(answer) => return Ok::<_, ApiError>(answer),
                Begun::Fresh(store::Begun { id, near_quota }) => (id, near_quota),
            };
            if size == Size::Large {
                store::plan_for_many(database).await?;
            }
            let clock = Arc::clone(&self.state.clock);
            let (retention, limits) = (self.state.retention, Arc::clone(&self.state.limits));
            let user_id = self.user.id;
            let connection = &mut *database;
            let nothing_changed = false;
            let mut unit =
                Unit { connection, user_id, operation_id, clock, quotas, retention, limits, nothing_changed };
            let answer = change(&mut unit).await?;
            if unit.nothing_changed {
                store::forget(database, user_id, operation_id).await?;
                return keep(database, user_id, claim.as_ref(), answer.written()?, None).await;
            }
            let answer = answer.by(operation_id).written()?;
            if near_quota || quotas::changes_many(kind) {
                quotas::check(database, self.user.id, operation_id, &quotas).await?;
            }
            keep(database, user_id, claim.as_ref(), answer, Some(operation_id)).await
        });
        Ok(answer.await?.into_response())
    }

    /// Who asks.
    #[must_use]
    pub const fn user_id(&self) -> i64 {
        self.user.id
    }
}

/// How many rows a change is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

/// Keeps the answer for the same request under its key.
async fn keep(
    connection: &mut PgConnection,
    user_id: i64,
    claim: Option<&Claim>,
    answer: Written,
    operation_id: Option<i64>,
) -> Result<Written, ApiError> {
    if let Some(claim) = claim {
        keys_store::answer(connection, user_id, claim, &answer, operation_id).await?;
    }
    Ok(answer)
}

/// An answer as it is kept and given again.
type Written = Success<Box<serde_json::value::RawValue>>;

enum Begun {
    Fresh(store::Begun),
    Answered(Written),
}

async fn begin(
    connection: &mut PgConnection,
    user_id: i64,
    kind: &str,
    quotas: &QuotasConfig,
    claim: Option<&Claim>,
) -> Result<Begun, ApiError> {
    if let Some(claim) = claim
        && let Claimed::Before(stored) = keys_store::claim(connection, user_id, claim, quotas.idempotency_keys).await?
    {
        return stored.again(claim).map(Begun::Answered);
    }
    // After the key: two requests with the same one would else each hold what the other waits for.
    if !changes_one(kind) {
        store::lock_alone(connection, user_id).await?;
    }
    store::begin(connection, user_id, kind, quotas).await?.map(Begun::Fresh).ok_or(ApiError::Unauthorized)
}

/// Tells if operations of this kind change one transaction, and what it names.
fn changes_one(kind: &str) -> bool {
    matches!(kind, "transaction.create" | "transaction.update" | "transaction.delete")
}

impl FromRequestParts<AppState> for Work {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let user = CurrentUser::from_request_parts(parts, state).await?;
        let key = IdempotencyKey::from_request_parts(parts, state).await?;
        Ok(Self { state: state.clone(), user, key })
    }
}
