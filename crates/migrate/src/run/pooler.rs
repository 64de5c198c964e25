//! Detects connection poolers that give each transaction another session. The settings, locks and notes of a migration would
//! be spread over sessions of others.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::error::MigrateError;
use crate::run::connect::connect;
use crate::settings::MigrateSettings;

/// The number of times that a session is asked for its process while another one is in use.
const QUESTIONS: usize = 3;

const BACKEND_PID: &str = "select pg_catalog.pg_backend_pid() as pid";

/// The error for a connection through such a pooler.
pub(crate) fn pooler_refused(settings: &MigrateSettings) -> MigrateError {
    MigrateError::InvalidRequest(format!(
        "the database is reached through a connection pooler that gives each transaction another session; migrations need \
         one for themselves. Nothing was changed. Name the server itself in {}, or have the pooler keep sessions \
         (`pool_mode = session` in PgBouncer).",
        settings.names.direct_url
    ))
}

/// Refuses a connection if it leads to such a pooler: while a second connection has a transaction open, the first one is asked
/// for its process. A pooler that keeps sessions passes.
pub(crate) async fn refuse_pooler(
    options: &PgConnectOptions,
    settings: &MigrateSettings,
    connection: &mut PgConnection,
    pid: i32,
) -> Result<(), MigrateError> {
    // If no second connection can be opened, the lock still notices a change of session.
    let Ok(mut second) = connect(options, settings).await else { return Ok(()) };
    let changed = changes_session(connection, &mut second, pid).await;
    let _ = second.close().await;
    if changed? { Err(pooler_refused(settings)) } else { Ok(()) }
}

async fn changes_session(
    connection: &mut PgConnection,
    second: &mut PgConnection,
    pid: i32,
) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("begin").execute(&mut *second).await?;
    // Two connections with one session are proof already; without a third session, the question below would wait for ever.
    if backend_pid(second).await? == pid {
        return Ok(true);
    }
    for _ in 0..QUESTIONS {
        if backend_pid(connection).await? != pid {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn backend_pid(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql(BACKEND_PID).fetch_one(connection).await?.try_get("pid")
}
