//! Taking over the database of the original service: reading it in three ways, holding its rows against what is kept here,
//! writing them, proving that nothing was lost, and going back.
//!
//! All of it is one database transaction. Whatever the source is, its two tables are there under the names
//! `original_users` and `original_transactions`, as views of the tables or as temporary copies, so that everything behind
//! that, the proof too, is the same SQL.

mod addresses;
mod dump;
mod dump_lines;
mod entry;
mod error;
mod names;
mod plan;
mod proof;
mod proof_days;
mod refusal;
mod report;
mod session;
mod source;
mod undo;
mod undo_keep;
mod write;

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

pub use addresses::{AddressFile, read_address_file};
pub use error::TakeOverError;
pub use plan::{Amounts, Days, Mending, Readings, Wishes};
pub use proof::{Check, Proof, Told};
pub use proof_days::{DayReading, Month};
pub use refusal::{Refusal, SHOWN_IDS};
pub use report::grouped;
pub use undo::{Since, Undo, Undone, undo};

use session::Session;
use source::Source;

/// Where the original's rows are read.
#[derive(Debug, Clone)]
pub enum From {
    /// In this database.
    Here {
        /// Whether the original's tables stay where they are.
        keep_in_place: bool,
    },
    /// In another one.
    Url(Box<PgConnectOptions>),
    /// In a file that `pg_dump` wrote.
    Dump(PathBuf),
}

impl From {
    /// Whether the original's tables are put aside.
    fn moves(&self, schema: &str) -> bool {
        matches!(self, Self::Here { keep_in_place: false }) && schema != PUT_ASIDE
    }
}

/// What was done.
#[derive(Debug)]
pub struct TakenOver {
    /// What was compared.
    pub proof: Proof,
    /// Where the original's tables are now, if they were moved.
    pub moved_to: Option<String>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// What is told while it goes on.
pub type Tell<'a> = &'a mut (dyn FnMut(&str) + Send);

/// The schema that the original's tables are moved to, out of the old service's way.
pub const PUT_ASIDE: &str = "original";

/// Looks at the source without changing anything: how many users and transactions there are, for the question whether to go on.
///
/// # Errors
/// [`TakeOverError`].
pub async fn look(options: &PgConnectOptions, from: &From, schema: &str) -> Result<(i64, i64), TakeOverError> {
    let From::Here { .. } = from else { return Ok((0, 0)) };
    Session::with(options, async |session| {
        session.expect_no_users().await?;
        source::look(&mut session.connection, schema).await
    })
    .await
}

/// Takes everything over, proves it, and keeps it, or with [`Wishes::dry_run`] keeps nothing.
///
/// # Errors
/// [`TakeOverError`]; nothing was changed then.
pub async fn take_over(
    options: &PgConnectOptions,
    from: &From,
    wishes: &Wishes,
    tell: Tell<'_>,
) -> Result<TakenOver, TakeOverError> {
    Session::with(options, async |session| {
        if wishes.dry_run {
            // One moment's rows, so that nobody has to be kept from writing more.
            session.connection.execute("set transaction isolation level repeatable read").await?;
        } else {
            session.lock_users().await?;
        }
        session.expect_no_users().await?;
        let connection = &mut session.connection;
        plan::check_zone(connection, wishes).await?;
        let source = Source::open(connection, from, wishes, tell).await?;
        let Some(amounts) = wishes.amounts else {
            return Err(TakeOverError::Senseless(Readings::read(connection).await?.to_string()));
        };
        plan::make_rows(connection, wishes, amounts).await?;
        addresses::fold_all(connection, &wishes.addresses).await?;
        names::write_all(connection).await?;
        let refusals = refusal::find(connection, wishes.mending).await?;
        if !refusals.is_empty() {
            return Err(TakeOverError::Refused(refusals));
        }
        write::users(connection, wishes, tell).await?;
        names::make_categories(connection).await?;
        let titled = write::transactions(connection, wishes, tell).await?;
        write::next_ids(connection, source.next_ids).await?;
        tell("  comparing both sides");
        let proof = proof::compare(connection, wishes, source.next_ids, titled).await?;
        if !proof.holds() {
            return Err(TakeOverError::NotProven(Box::new(proof)));
        }
        let moved_to = finish(connection, &source, from, wishes).await?;
        Ok(TakenOver { proof, moved_to, notes: source.notes })
    })
    .await
}

/// Puts the original's tables aside and keeps everything, or keeps nothing.
async fn finish(
    connection: &mut PgConnection,
    source: &Source,
    from: &From,
    wishes: &Wishes,
) -> Result<Option<String>, TakeOverError> {
    let moves = from.moves(&wishes.schema);
    if wishes.dry_run {
        // It was found out that the tables could be moved. Doing it would keep the old service waiting.
        connection.execute("rollback").await?;
        return Ok(None);
    }
    if moves {
        connection.execute("drop view take_over_rows, original_users, original_transactions").await?;
        source::put_aside(connection, &source.objects, &wishes.schema, PUT_ASIDE).await?;
    }
    connection.execute("commit").await?;
    Ok(moves.then(|| PUT_ASIDE.to_owned()))
}

/// Runs a statement that was put together here; everything in it that is not ours is quoted.
async fn run(connection: &mut PgConnection, sql: String) -> Result<u64, sqlx::Error> {
    Ok(connection.execute(AssertSqlSafe(sql)).await?.rows_affected())
}

/// A name as it stands in SQL.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as it stands in SQL, whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}
