//! Poolers that give each transaction another session of the server: what a migration sets, locks and notes would be spread
//! over sessions of others.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::MigrateError;
use super::session;

/// How often a session is asked which it is, while another one is in use.
const QUESTIONS: usize = 3;

const WHICH: &str = "select pg_catalog.pg_backend_pid() as pid";

/// What is said, and what to do.
pub(super) fn refused() -> MigrateError {
    MigrateError::Senseless(
        "the database is reached through a connection pooler that gives each transaction another session; migrations need \
         one for themselves. Nothing was changed. Name the server itself in DATABASE_DIRECT_URL (database.direct_url), or \
         have the pooler keep sessions (`pool_mode = session` in PgBouncer)."
            .to_owned(),
    )
}

/// Refuses a connection that seems to lead to a pooler if it is one of that kind: while a second connection has a
/// transaction open, the first is asked which session it has. A pooler that keeps sessions is none.
pub(super) async fn refuse(
    options: &PgConnectOptions,
    connection: &mut PgConnection,
    pid: i32,
) -> Result<(), MigrateError> {
    // Where there is no second connection to be had, the lock still notices if the session is another.
    let Ok(mut second) = session::connect(options).await else { return Ok(()) };
    let changed = changed(connection, &mut second, pid).await;
    let _ = second.close().await;
    if changed? { Err(refused()) } else { Ok(()) }
}

async fn changed(connection: &mut PgConnection, second: &mut PgConnection, pid: i32) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("begin").execute(&mut *second).await?;
    // Two that share one session are proof already; where there is no third, the question below would wait for ever.
    if which(second).await? == pid {
        return Ok(true);
    }
    for _ in 0..QUESTIONS {
        if which(connection).await? != pid {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn which(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql(WHICH).fetch_one(connection).await?.try_get("pid")
}
