//! The migration lock: one process migrates at a time.
//!
//! It is an advisory lock of the session, with the id that sqlx's command-line tool uses too. It is polled, because a process
//! that waits inside `pg_advisory_lock` holds a snapshot, and the holder's `CREATE INDEX CONCURRENTLY` would wait for that
//! snapshot for ever.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::Instant;

use crate::error::MigrateError;
use crate::run::pooler::pooler_refused;
use crate::settings::MigrateSettings;
use crate::waiting::LockHolder;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The time after which the log says what is waited for.
const LOG_AFTER: Duration = Duration::from_secs(1);

/// Takes the lock for the rest of the connection's life. Fails with its holder when the time is up.
pub(crate) async fn acquire(
    connection: &mut PgConnection,
    database: &str,
    settings: &MigrateSettings,
    pid: i32,
) -> Result<(), MigrateError> {
    let id = id_for(database);
    let begun = Instant::now();
    let deadline = begun + settings.lock_timeout;
    let (mut pause, mut logged) = (FIRST_PAUSE, false);
    loop {
        let query = format!("select pg_try_advisory_lock({id}) as acquired, pg_backend_pid() as pid");
        let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(&mut *connection).await?;
        if row.try_get::<i32, _>("pid")? != pid {
            return Err(pooler_refused(settings));
        }
        if row.try_get("acquired")? {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let holder = holder_of(connection, id).await?;
            return Err(MigrateError::Locked { holder, waited: settings.lock_timeout });
        }
        if !logged && begun.elapsed() >= LOG_AFTER {
            let holder = holder_of(connection, id).await?;
            let limit = settings.lock_timeout.as_secs();
            tracing::warn!("waiting for another process that is migrating ({limit} s at most). {holder}");
            logged = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause.min(left)) => {}
            () = settings.cancel.cancelled() => {
                let waited = "while it waited for another process that is migrating; nothing was changed";
                return Err(MigrateError::Cancelled(waited.to_owned()));
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn holder_of(connection: &mut PgConnection, id: i64) -> Result<LockHolder, sqlx::Error> {
    // An advisory lock on one bigint is listed as its two halves.
    let row: Option<(i32, Option<String>, Option<DateTime<Utc>>)> = sqlx::query_as(
        r"
        select
            l.pid,
            a.application_name,
            a.backend_start
        from pg_locks l
        left join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory'
            and l.objsubid = 1
            and l.granted
            and ((l.classid::bigint << 32) | l.objid::bigint) = $1
            and l.database = (select oid from pg_database where datname = current_database())
        limit 1
        ",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    let holder = |(pid, application, since)| LockHolder { pid: Some(pid), application, since };
    Ok(row.map_or_else(LockHolder::default, holder))
}

/// The id that sqlx uses for a database.
fn id_for(database: &str) -> i64 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    0x3d32_ad9e * i64::from(CRC.checksum(database.as_bytes()))
}
