//! Work on the database that nobody waits for: what was deleted long ago goes, answers to requests that cannot come again
//! are forgotten, and what came in by another way than the API is made to be found. In many replicas each does a part.

use std::time::Duration;

use sqlx::PgConnection;

use crate::config::HistoryConfig;
use crate::db::pool::Pool;
use crate::features::{history, transactions};
use crate::http::readiness::ReadinessState;

/// Between two rounds.
const PAUSE: Duration = Duration::from_mins(1);

/// Between two batches of a round, so that requests come first.
const BREATH: Duration = Duration::from_millis(50);

/// Transactions that are purged at once.
const BATCH: i64 = 1_000;

/// Does so again and again.
pub(super) async fn run(pool: Pool, config: HistoryConfig, readiness: ReadinessState) {
    loop {
        if readiness.serves()
            && let Err(error) = round(&pool, config).await
        {
            tracing::warn!(%error, "the upkeep of the database did not end; it is tried again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn round(pool: &Pool, config: HistoryConfig) -> Result<(), sqlx::Error> {
    while let Some(user_id) = whose_to_fold(pool).await? {
        let fold = async |database: &mut PgConnection| transactions::store::fold_pending(database, user_id).await;
        if pool.acquire().await?.transaction(fold).await? == 0 {
            // Another replica has them.
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    let mut connection = pool.acquire().await?;
    let retention = config.trash_retention.as_secs_f64();
    while history::store::purge(&mut connection, retention, BATCH).await? > 0 {
        tokio::time::sleep(BREATH).await;
    }
    history::keys_store::forget_old(&mut connection).await?;
    connection.release();
    Ok(())
}

async fn whose_to_fold(pool: &Pool) -> Result<Option<i64>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let user_id = transactions::store::whose_to_fold(&mut connection).await?;
    connection.release();
    Ok(user_id)
}
