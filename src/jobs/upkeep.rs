//! Work on the database that nobody waits for: what was deleted long ago goes, answers to requests that cannot come again
//! are forgotten, and what came in by another way than the API is made to be found. In many replicas each does a part.

use std::time::Duration;

use sqlx::PgConnection;

use crate::config::{HistoryConfig, QuotasConfig};
use crate::db::explain::Cause;
use crate::db::pool::Pool;
use crate::features::history::retention_store::{self, HistoryLimits};
use crate::features::transactions::search_text_store;
use crate::features::{auth, history, payees, quotas};
use crate::http::readiness::ReadinessState;
use crate::http::scope::Scope;

/// Between two rounds.
const PAUSE: Duration = Duration::from_mins(1);

/// Between two batches of a round, so that requests come first.
const BREATH: Duration = Duration::from_millis(50);

/// Between two times that usage is brought up to date: for so long, what a user has may be more than is known.
const SETTLE_PAUSE: Duration = Duration::from_secs(5);

/// Transactions that are purged at once.
const BATCH: i64 = 1_000;

/// Does so again and again.
pub(super) async fn run(pool: Pool, config: HistoryConfig, limits: QuotasConfig, readiness: ReadinessState) {
    let kept = HistoryLimits {
        seconds: config.retention.as_secs_f64(),
        operations: limits.operations,
        bytes: limits.history_bytes,
    };
    loop {
        if readiness.serves() {
            let done = match round(&pool, config, limits).await {
                Ok(()) => trim_history(&pool, &kept).await,
                failed => failed,
            };
            if let Err(error) = done {
                tracing::warn!(error = %Cause(&error), "the upkeep of the database did not end; it is tried again");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings what users have up to date for the quotas, again and again.
pub(super) async fn settle_usage(pool: Pool, readiness: ReadinessState) {
    loop {
        tokio::time::sleep(SETTLE_PAUSE).await;
        if readiness.serves()
            && let Err(error) = settle(&pool).await
        {
            tracing::warn!(error = %Cause(&error), "what users have was not added up; it is tried again");
        }
    }
}

async fn settle(pool: &Pool) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    quotas::store::settle(&mut connection).await?;
    connection.release();
    Ok(())
}

async fn round(pool: &Pool, config: HistoryConfig, limits: QuotasConfig) -> Result<(), sqlx::Error> {
    while let Some(user_id) = whose_to_fold(pool).await? {
        let fold = async |database: &mut PgConnection| {
            search_text_store::index_pending(&mut Scope::new(database, user_id)).await
        };
        if pool.acquire().await?.transaction(fold).await? == 0 {
            // Another replica has them.
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    while pool.acquire().await?.transaction(payees::store::index_pending).await? > 0 {
        tokio::time::sleep(BREATH).await;
    }
    let retention = config.trash_retention.as_secs_f64();
    let purge = async |database: &mut PgConnection| {
        let removed = history::store::purge(database, retention, BATCH).await?;
        quotas::store::note_removed(database, &removed).await?;
        Ok::<_, sqlx::Error>(!removed.is_empty())
    };
    while pool.acquire().await?.transaction(purge).await? {
        tokio::time::sleep(BREATH).await;
    }
    let mut connection = pool.acquire().await?;
    history::idempotency_store::forget_old(&mut connection).await?;
    history::idempotency_store::forget_large(&mut connection).await?;
    quotas::store::count_keys(&mut connection, limits.idempotency_keys).await?;
    for user_id in quotas::store::whose_to_count(&mut connection).await? {
        quotas::store::recount(&mut Scope::new(&mut connection, user_id)).await?;
        tokio::time::sleep(BREATH).await;
    }
    auth::store::forget_failures(&mut connection).await?;
    auth::store::forget_networks(&mut connection).await?;
    auth::invites_store::forget_old(&mut connection).await?;
    connection.release();
    Ok(())
}

/// Removes what is kept no longer of the history of all users.
///
/// # Errors
/// The database's.
pub async fn trim_history(pool: &Pool, kept: &HistoryLimits) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut behind = 0;
    loop {
        let candidates = retention_store::candidates(&mut connection, behind, kept).await?;
        let Some(last) = candidates.last() else { break };
        behind = last.user_id;
        for candidate in candidates {
            if !(candidate.has_old || candidate.may_have_many || candidate.has_large) {
                continue;
            }
            while let Some(last) = retention_store::last_to_go(&mut connection, &candidate, kept).await? {
                let removed =
                    retention_store::remove(&mut Scope::new(&mut connection, candidate.user_id), last).await?;
                quotas::store::note_removed(&mut connection, &[(candidate.user_id, removed.bytes)]).await?;
                if !removed.more {
                    // Another replica has them.
                    break;
                }
                tokio::time::sleep(BREATH).await;
            }
        }
        tokio::time::sleep(BREATH).await;
    }
    connection.release();
    Ok(())
}

async fn whose_to_fold(pool: &Pool) -> Result<Option<i64>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let user_id = search_text_store::next_user_to_index(&mut connection).await?;
    connection.release();
    Ok(user_id)
}
