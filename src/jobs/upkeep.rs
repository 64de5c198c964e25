//! Periodic maintenance of the database: purges expired trash, idempotency keys and history, and fills the search
//! columns of rows that were not written through the API. Replicas share the work.

use std::time::Duration;

use sqlx::PgConnection;

use crate::config::{HistoryConfig, QuotasConfig};
use crate::db::explain::Cause;
use crate::db::pool::Pool;
use crate::features::history::retention_store::{self, HistoryLimits};
use crate::features::transactions::search_text_store;
use crate::features::{self, auth, history, payees, quotas};
use crate::http::readiness::ReadinessState;
use crate::http::scope::Scope;

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_mins(1);

/// The pause between two batches, so that requests come first.
const BATCH_PAUSE: Duration = Duration::from_millis(50);

/// The interval at which usage is brought up to date, and thus the maximum time for which a quota may be exceeded
/// unnoticed.
const SETTLE_PAUSE: Duration = Duration::from_secs(5);

/// The number of transactions purged per batch.
const BATCH: i64 = 1_000;

/// Runs in a loop.
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
                tracing::warn!(error = %Cause(&error), "the maintenance of the database failed; it will be retried");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings the usage of all users up to date for the quotas, in a loop.
pub(super) async fn settle_usage(pool: Pool, readiness: ReadinessState) {
    loop {
        tokio::time::sleep(SETTLE_PAUSE).await;
        if readiness.serves()
            && let Err(error) = settle(&pool).await
        {
            tracing::warn!(error = %Cause(&error), "the usage of users could not be updated; it will be retried");
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
    while let Some(user_id) = next_user_to_index(pool).await? {
        let fold = async |database: &mut PgConnection| {
            search_text_store::index_pending(&mut Scope::new(database, user_id)).await
        };
        if pool.acquire().await?.transaction(fold).await? == 0 {
            // Another replica is working on them.
            break;
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    while let Some(user_id) = next_user_with_payees_to_index(pool).await? {
        let fold =
            async |database: &mut PgConnection| payees::store::index_pending(&mut Scope::new(database, user_id)).await;
        if pool.acquire().await?.transaction(fold).await? == 0 {
            // Another replica is working on them.
            break;
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    let retention = config.trash_retention.as_secs_f64();
    let purge = async |database: &mut PgConnection| {
        let removed = history::store::purge(database, retention, BATCH).await?;
        quotas::store::note_removed(database, &removed).await?;
        Ok::<_, sqlx::Error>(!removed.is_empty())
    };
    while pool.acquire().await?.transaction(purge).await? {
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    let mut connection = pool.acquire().await?;
    history::idempotency_store::forget_old(&mut connection).await?;
    history::idempotency_store::forget_large(&mut connection).await?;
    quotas::store::count_keys(&mut connection, limits.idempotency_keys).await?;
    let tables = features::tables();
    for user_id in quotas::store::whose_to_count(&mut connection).await? {
        quotas::store::recount(&mut Scope::new(&mut connection, user_id), &tables).await?;
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    auth::store::forget_failures(&mut connection).await?;
    auth::store::forget_networks(&mut connection).await?;
    auth::invites_store::forget_old(&mut connection).await?;
    connection.release();
    Ok(())
}

/// Removes expired history of all users.
///
/// # Errors
/// [`sqlx::Error`] if a statement fails.
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
                    // Another replica is working on them.
                    break;
                }
                tokio::time::sleep(BATCH_PAUSE).await;
            }
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    connection.release();
    Ok(())
}

async fn next_user_with_payees_to_index(pool: &Pool) -> Result<Option<i64>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let user_id = payees::store::next_user_to_index(&mut connection).await?;
    connection.release();
    Ok(user_id)
}

async fn next_user_to_index(pool: &Pool) -> Result<Option<i64>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let user_id = search_text_store::next_user_to_index(&mut connection).await?;
    connection.release();
    Ok(user_id)
}
