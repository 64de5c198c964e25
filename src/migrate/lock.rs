//! One process migrates at a time.
//!
//! The lock is an advisory one of the session, with the id that sqlx's command-line tool uses too. It is polled: a
//! process that waits inside `pg_advisory_lock` holds a snapshot, on which the holder's `CREATE INDEX CONCURRENTLY`
//! would wait in turn, for ever.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use tokio::time::Instant;

use super::settings::Settings;
use super::{MigrateError, pooler};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Whoever waits longer wants to know for what.
const TELL_OF_WAITING: Duration = Duration::from_secs(1);

/// Who holds the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The server's process.
    pub pid: Option<i32>,
    /// What it calls itself.
    pub application: Option<String>,
    /// When its session began.
    pub since: Option<DateTime<Utc>>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pid) = self.pid else { return formatter.write_str("It was given up just now.") };
        write!(formatter, "It is held by the server process {pid}")?;
        if let Some(application) = self.application.as_deref().filter(|name| !name.is_empty()) {
            write!(formatter, " ({application})")?;
        }
        if let Some(since) = self.since {
            write!(formatter, ", connected since {}", since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))?;
        }
        formatter.write_str(".")
    }
}

/// Takes the lock for the rest of the connection's life, or says who has it.
pub(super) async fn acquire(
    connection: &mut PgConnection,
    database: &str,
    settings: &Settings,
    pid: i32,
) -> Result<(), MigrateError> {
    let id = id_for(database);
    let begun = Instant::now();
    let deadline = begun + settings.lock_timeout;
    let (mut pause, mut told) = (FIRST_PAUSE, false);
    loop {
        let attempt = format!("select pg_try_advisory_lock({id}) as had, pg_backend_pid() as pid");
        let attempt = sqlx::raw_sql(AssertSqlSafe(attempt)).fetch_one(&mut *connection).await?;
        if attempt.try_get::<i32, _>("pid")? != pid {
            return Err(pooler::refused());
        }
        if attempt.try_get("had")? {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let holder = holder(connection, id).await?;
            return Err(MigrateError::Locked { holder, waited: settings.lock_timeout });
        }
        if !told && begun.elapsed() >= TELL_OF_WAITING {
            let holder = holder(connection, id).await?;
            let most = settings.lock_timeout.as_secs();
            tracing::warn!("waiting for another process that is migrating ({most} s at most). {holder}");
            told = true;
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

async fn holder(connection: &mut PgConnection, id: i64) -> Result<Holder, sqlx::Error> {
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
    Ok(row.map_or_else(Holder::default, |(pid, application, since)| Holder { pid: Some(pid), application, since }))
}

/// The id that sqlx has for a database.
fn id_for(database: &str) -> i64 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    0x3d32_ad9e * i64::from(CRC.checksum(database.as_bytes()))
}
