//! Finds the sessions that a statement waits for, so that a person can decide what to do about them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::run::connect::connect;
use crate::settings::MigrateSettings;
use crate::waiting::Blocker;

/// Most statements end before a second connection is worth its cost.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Keeps the sessions that block a server process up to date in `seen`. It never ends by itself.
pub(crate) async fn watch(
    options: &PgConnectOptions,
    settings: &MigrateSettings,
    pid: i32,
    seen: &Mutex<Vec<Blocker>>,
) {
    tokio::time::sleep(FIRST_LOOK).await;
    // The blockers are worth knowing, but no reason to fail.
    if let Ok(mut connection) = connect(options, settings).await {
        while let Ok(blockers) = blockers_of(&mut connection, pid).await {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = blockers;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    std::future::pending::<()>().await;
}

async fn blockers_of(connection: &mut PgConnection, pid: i32) -> Result<Vec<Blocker>, sqlx::Error> {
    let query = format!(
        r"
        select distinct
            blocking.pid,
            a.usename::text as role,
            a.application_name::text as application,
            a.state::text as state,
            extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) a.xact_start)::bigint as seconds,
            pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 160) as query
        from pg_catalog.unnest(pg_catalog.pg_blocking_pids({pid})) blocking(pid)
        left join pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) blocking.pid
        order by blocking.pid
        "
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(Blocker {
                pid: row.try_get("pid")?,
                role: row.try_get("role")?,
                application: row.try_get("application")?,
                state: row.try_get("state")?,
                seconds: row.try_get("seconds")?,
                query: row.try_get("query")?,
            })
        })
        .collect()
}
