//! The steps of a take-over.

use migrate_toolkit::Migrator;
use sqlx::{Executor as _, PgConnection};

use super::error::TakeOverError;
use super::options::{SET_ASIDE_SCHEMA, SourceLocation, TakeOverRequest};
use super::proof::Proof;
use super::rows::AmountReadings;
use super::session::{Isolation, ProgressReport, TakeOverSession};
use super::source::Source;
use super::{addresses, compare, names, recognize, refusal, rows, set_aside, write};

/// The result of a take-over.
#[derive(Debug)]
pub struct TakeOverResult {
    /// The comparison of both sides.
    pub proof: Proof,
    /// The schema that the original's tables were moved to, if they were.
    pub moved_to: Option<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Counts the users and transactions of the source for the confirmation, without changing anything.
///
/// # Errors
/// [`TakeOverError`].
pub async fn preview(migrator: &Migrator, from: &SourceLocation, schema: &str) -> Result<(i64, i64), TakeOverError> {
    let SourceLocation::Here { .. } = from else { return Ok((0, 0)) };
    TakeOverSession::with(migrator, Isolation::Statement, async |session| {
        session.expect_no_users().await?;
        recognize::count_rows(&mut session.connection, schema).await
    })
    .await
}

/// Takes everything over, proves it, and commits, or rolls back with [`TakeOverRequest::dry_run`].
///
/// # Errors
/// [`TakeOverError`]; nothing was changed then.
pub async fn take_over(
    migrator: &Migrator,
    from: &SourceLocation,
    request: &TakeOverRequest,
    report: ProgressReport<'_>,
) -> Result<TakeOverResult, TakeOverError> {
    let isolation = if request.dry_run { Isolation::Snapshot } else { Isolation::Statement };
    TakeOverSession::with(migrator, isolation, async |session| {
        if !request.dry_run {
            session.lock_users().await?;
        }
        session.expect_no_users().await?;
        let connection = &mut session.connection;
        rows::check_zone(connection, request).await?;
        let source = Source::open(connection, from, request, report).await?;
        let Some(amounts) = request.amounts else {
            return Err(TakeOverError::NotApplicable(AmountReadings::read(connection).await?.to_string()));
        };
        rows::make_rows(connection, request, amounts).await?;
        addresses::fold_all(connection, &request.addresses).await?;
        names::create_names(connection).await?;
        let refusals = refusal::find(connection, request.repairs).await?;
        if !refusals.is_empty() {
            return Err(TakeOverError::Refused(refusals));
        }
        write::users(connection, request, report).await?;
        names::make_categories(connection).await?;
        let titled = write::transactions(connection, request, report).await?;
        write::next_ids(connection, source.next_ids).await?;
        report("  comparing both sides");
        let proof = compare::compare(connection, request, source.next_ids, titled).await?;
        if !proof.holds() {
            return Err(TakeOverError::NotProven(Box::new(proof)));
        }
        let moved_to = finish(connection, &source, from, request).await?;
        Ok(TakeOverResult { proof, moved_to, notes: source.notes })
    })
    .await
}

/// Moves the original's tables and commits, or rolls back.
async fn finish(
    connection: &mut PgConnection,
    source: &Source,
    from: &SourceLocation,
    request: &TakeOverRequest,
) -> Result<Option<String>, TakeOverError> {
    let moves = from.moves(&request.schema);
    if request.dry_run {
        // That the tables could be moved was checked before. Moving them would block the old service.
        connection.execute("rollback").await?;
        return Ok(None);
    }
    if moves {
        connection.execute("drop view take_over_rows, original_users, original_transactions").await?;
        set_aside::move_objects(connection, &source.objects, &request.schema, SET_ASIDE_SCHEMA).await?;
    }
    connection.execute("commit").await?;
    Ok(moves.then(|| SET_ASIDE_SCHEMA.to_owned()))
}
