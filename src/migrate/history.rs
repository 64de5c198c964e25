//! What a database has on record: the table `_sqlx_migrations`, shared with sqlx's command-line tool.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

pub(super) const TABLE: &str = "_sqlx_migrations";

/// A migration on record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub version: i64,
    pub name: String,
    pub installed_on: DateTime<Utc>,
    pub success: bool,
    pub checksum: Vec<u8>,
    /// `None` if the process ended before it could be noted.
    pub took: Option<Duration>,
}

type Row = (i64, String, DateTime<Utc>, bool, Vec<u8>, i64);

/// Reads the record, in order. A database without the table has none.
pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<Record>, sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = sqlx::query_as(
        r"
        select
            version,
            description,
            installed_on,
            success,
            checksum,
            execution_time
        from _sqlx_migrations
        order by version
        ",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(record).collect())
}

fn record((version, name, installed_on, success, checksum, nanoseconds): Row) -> Record {
    let took = u64::try_from(nanoseconds).ok().map(Duration::from_nanos);
    Record { version, name, installed_on, success, checksum, took }
}
