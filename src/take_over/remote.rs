//! Copies the original's rows from another database.

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::error::TakeOverError;
use super::recognize::{next_ids, recognize_tables};
use super::session::{self, FORBIDDEN, ProgressReport, RowProgress};
use super::sql::{identifier, sqlstate};
use super::tables::{CHUNK_BYTES, COPIES, NextIds, OriginalTable};
use super::trust;
use crate::db::explain::QueryFailure;

/// Copies the rows of another database from a single snapshot.
pub(super) async fn copy_rows(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
    schema: &str,
    report: ProgressReport<'_>,
) -> Result<NextIds, TakeOverError> {
    connection.execute(COPIES).await?;
    let mut there = session::connect(options).await?;
    let copied = copy_from(connection, &mut there, schema, report).await;
    let _ = there.close().await;
    // Errors of this database are described by the session.
    let failed = |error| TakeOverError::Failure(QueryFailure::new(options, error));
    copied.map_err(|failure| match failure {
        CopyFailure::There(TakeOverError::Database(error)) if sqlstate(&error).as_deref() == Some(FORBIDDEN) => {
            TakeOverError::not_permitted(&QueryFailure::new(options, error))
        }
        CopyFailure::There(TakeOverError::Database(error)) => failed(error),
        CopyFailure::There(error) => error,
        CopyFailure::Here(error) => error.into(),
    })
}

/// A failure of either database.
enum CopyFailure {
    There(TakeOverError),
    Here(sqlx::Error),
}

async fn copy_from(
    connection: &mut PgConnection,
    there: &mut PgConnection,
    schema: &str,
    report: ProgressReport<'_>,
) -> Result<NextIds, CopyFailure> {
    let there_failed = |error: sqlx::Error| CopyFailure::There(error.into());
    let begin = "begin transaction isolation level repeatable read read only; set local statement_timeout = 0; \
                 set local idle_in_transaction_session_timeout = 0";
    there.execute(begin).await.map_err(there_failed)?;
    trust::protect_source(there).await.map_err(CopyFailure::There)?;
    let found = recognize_tables(there, schema).await.map_err(CopyFailure::There)?;
    for (table, what) in [(OriginalTable::User, "users read"), (OriginalTable::Transaction, "transactions read")] {
        let mut progress = RowProgress::new(what);
        let columns: Vec<String> = table.columns().iter().map(|(column, ..)| identifier(column)).collect();
        let into = format!("copy {} ({}) from stdin", table.view_name(), columns.join(", "));
        let out = format!("copy ({}) to stdout", found.select(table, "text"));
        let mut rows = there.copy_out_raw(&out).await.map_err(there_failed)?;
        let mut copy = connection.copy_in_raw(&into).await.map_err(CopyFailure::Here)?;
        let mut some = Vec::with_capacity(CHUNK_BYTES);
        while let Some(row) = rows.try_next().await.map_err(there_failed)? {
            some.extend_from_slice(&row);
            if some.len() >= CHUNK_BYTES {
                copy.send(some.as_slice()).await.map_err(CopyFailure::Here)?;
                some.clear();
            }
            progress.add(1, report);
        }
        copy.send(some.as_slice()).await.map_err(CopyFailure::Here)?;
        copy.finish().await.map_err(CopyFailure::Here)?;
    }
    // After the rows, because a sequence only goes up.
    next_ids(there, &found).await.map_err(CopyFailure::There)
}
