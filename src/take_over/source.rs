//! Opens the original's rows from any source.

use sqlx::{Executor as _, PgConnection};

use super::error::TakeOverError;
use super::options::{SET_ASIDE_SCHEMA, SourceLocation, TakeOverRequest};
use super::recognize::{next_ids, recognize_tables};
use super::session::ProgressReport;
use super::set_aside::{check_move, forbidden, objects};
use super::sql::{run, sqlstate};
use super::tables::{COPIES, NextIds, OriginalTable};
use super::{dump, remote};
use crate::db::explain::Cause;

/// An opened source, readable as `original_users` and `original_transactions`.
pub(super) struct Source {
    pub next_ids: NextIds,
    /// The original's objects in this database, in the form of `alter` statements: `table "User"`.
    pub objects: Vec<String>,
    pub notes: Vec<String>,
}

impl Source {
    pub(super) async fn open(
        connection: &mut PgConnection,
        from: &SourceLocation,
        request: &TakeOverRequest,
        report: ProgressReport<'_>,
    ) -> Result<Self, TakeOverError> {
        let schema = &request.schema;
        match from {
            SourceLocation::Here { .. } => here(connection, request, from.moves(schema)).await,
            SourceLocation::Url(options) => {
                let next_ids = remote::copy_rows(connection, options, schema, report).await?;
                Ok(Self { next_ids, objects: Vec::new(), notes: Vec::new() })
            }
            SourceLocation::Dump(path) => {
                connection.execute(COPIES).await?;
                let read = dump::read(connection, path, schema, report).await?;
                Ok(Self { next_ids: read.next_ids, objects: Vec::new(), notes: read.notes })
            }
        }
    }
}

/// Opens the tables of this database. They are locked, or in a dry run read from a snapshot.
async fn here(connection: &mut PgConnection, request: &TakeOverRequest, moves: bool) -> Result<Source, TakeOverError> {
    let schema = &request.schema;
    let found = recognize_tables(connection, schema).await?;
    if moves {
        check_move(connection, schema, SET_ASIDE_SCHEMA).await?;
    }
    if !request.dry_run && request.amounts.is_some() {
        let (users, transactions) = (found.name(OriginalTable::User), found.name(OriginalTable::Transaction));
        let locked = run(connection, format!("lock table {users}, {transactions} in share mode")).await;
        locked.map_err(|error| match sqlstate(&error).as_deref() {
            Some("42501") => forbidden(&Cause(&error).to_string()),
            _ => error.into(),
        })?;
    }
    for table in OriginalTable::BOTH {
        let select = found.select(table, "text::transaction_type");
        run(connection, format!("create temp view {} as {select}", table.view_name())).await?;
    }
    let next_ids = next_ids(connection, &found).await?;
    let objects = objects(connection, schema).await?;
    Ok(Source { next_ids, objects, notes: Vec::new() })
}
