//! Runs one file, statement by statement, and notes how it went.

use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::Instant;

use super::MigrateError;
use super::attempt::Outcome;
use super::blockers::Blocker;
pub(super) use super::error::Purpose;
use super::error::{FailedMigration, Left};
use super::event::Event;
use super::record::{Failed, Recorder};
use super::script::{Check, Piece, Prepared};
use super::session::{Failure, OUR_PATH, OUR_PATH_HERE, Session, THEIR_PATH, THEIR_PATH_HERE, Waiting};
use crate::db::explain::Cause;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A lock was not had in time, or not without a deadlock: the same may well work a moment later.
const WORTH_ANOTHER_TRY: &[&str] = &["55P03", "40P01"];

/// A file to be run.
pub(super) struct Job<'a> {
    pub version: i64,
    pub name: &'a str,
    pub prepared: &'a Prepared<'a>,
    pub purpose: Purpose,
    /// The attempt's number.
    pub attempt: i64,
    /// What is noted when it is done, in the same transaction.
    pub on_success: String,
    /// What is noted when it failed and nothing of it is left, and it had no transaction that does so by itself.
    pub on_nothing_left: String,
}

/// Where it failed, and why.
struct Trouble {
    place: Place,
    why: Why,
    /// The sessions that it waited for when it was last looked at.
    blockers: Vec<Blocker>,
    /// Whether its transaction was begun: a message that cannot be parsed does nothing at all.
    is_begun: bool,
}

enum Place {
    /// The statement with this index, in this line.
    Statement(usize, u32),
    /// A check of the header.
    Check(Check),
    /// When everything was done: a constraint that is checked at the end, most often.
    End,
}

enum Why {
    Server(sqlx::Error),
    /// A check was not true.
    Untrue,
    Cancelled,
}

impl Trouble {
    fn code(&self) -> Option<String> {
        match &self.why {
            Why::Server(sqlx::Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }

    /// One that is no failure of a statement.
    const fn new(place: Place, why: Why) -> Self {
        Self { place, why, blockers: Vec::new(), is_begun: true }
    }

    /// The session is over: the connection was lost, or the server ended it and said why.
    fn ended_session(&self) -> bool {
        match &self.why {
            Why::Server(sqlx::Error::Database(error)) => {
                let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
                matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
            }
            Why::Server(_) => true,
            Why::Untrue | Why::Cancelled => false,
        }
    }
}

/// Runs it. What it did stands, and is noted, when this returns `Ok`; how long it took.
pub(super) async fn run(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<Duration, MigrateError> {
    report(Event::Begins {
        version: job.version,
        name: job.name.to_owned(),
        reverting: job.purpose == Purpose::Revert,
    });
    let started = Instant::now();
    if job.prepared.no_transaction {
        plainly(session, recorder, job, report).await?;
    } else {
        in_a_transaction(session, recorder, job, report).await?;
    }
    Ok(started.elapsed())
}

/// The whole file and what is noted of it, or nothing.
async fn in_a_transaction(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<(), MigrateError> {
    let Err(trouble) = with_retries(session, job, report).await? else { return Ok(()) };
    let failed = describe(job, &trouble, Left::Nothing);
    if !trouble.ended_session() {
        session.note(recorder.failed(job.attempt, Outcome::RolledBack, &noted(&failed))).await?;
    }
    Err(MigrateError::Failed(Box::new(failed)))
}

/// Runs a file in one transaction, and notes nothing.
pub(super) async fn once(
    session: &mut Session<'_>,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<(), MigrateError> {
    match with_retries(session, job, report).await? {
        Ok(()) => Ok(()),
        Err(trouble) => Err(MigrateError::Failed(Box::new(describe(job, &trouble, Left::Nothing)))),
    }
}

/// The transaction, again where a lock was not had; rolled back where it failed. The outer error is one of rolling back.
async fn with_retries(
    session: &mut Session<'_>,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<Result<(), Trouble>, sqlx::Error> {
    let most = session.settings.lock_retries;
    let mut pause = FIRST_PAUSE;
    let mut tries = 0;
    loop {
        let Err(trouble) = transaction(session, job, report).await else { return Ok(Ok(())) };
        if trouble.ended_session() {
            return Ok(Err(trouble));
        }
        if trouble.is_begun {
            session.note("rollback".to_owned()).await?;
        }
        let again = trouble.code().is_some_and(|code| WORTH_ANOTHER_TRY.contains(&code.as_str()));
        if !again || tries >= most || session.settings.cancel.is_cancelled() {
            return Ok(Err(trouble));
        }
        tries += 1;
        let blockers = trouble.blockers;
        report(Event::WaitsForLock { version: job.version, tries: (tries, most + 1), again_in: pause, blockers });
        // Whoever queued behind us gets through meanwhile.
        rest(session, pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Pauses, or until somebody stops the command.
async fn rest(session: &Session<'_>, pause: Duration) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = session.settings.cancel.cancelled() => {}
    }
}

async fn transaction(session: &mut Session<'_>, job: &Job<'_>, report: &mut impl FnMut(Event)) -> Result<(), Trouble> {
    let Prepared { statements, checks, .. } = job.prepared;
    let (lock, statement) = timeouts(session, job.prepared);
    let mut head = format!(
        "begin;\nset local lock_timeout = {lock};\nset local statement_timeout = {statement};\n{THEIR_PATH_HERE}"
    );
    let ours = if job.prepared.resets { format!("reset all;\n{}", session.settling()) } else { OUR_PATH.to_owned() };
    // A role that the file has taken may not write to the record.
    let tail = format!("{ours}reset role;\n{}commit;\n", job.on_success);
    if !checks.is_empty() {
        let sql = std::mem::take(&mut head);
        session.send(sql, |_| ()).await.map_err(at_end)?;
        run_checks(session, checks).await?;
    }
    let Some(last) = statements.len().checked_sub(1) else {
        return session.send(head + &tail, |_| ()).await.map_err(at_end);
    };
    for (index, piece) in statements.iter().enumerate() {
        if session.settings.cancel.is_cancelled() {
            return Err(Trouble::new(Place::Statement(index, piece.line), Why::Cancelled));
        }
        let head = std::mem::take(&mut head);
        let before = (head.chars().count(), if head.is_empty() { 0 } else { 4 });
        let mut sql = head + &piece.text;
        if index == last {
            // What is noted goes with the last statement: no round trip of its own.
            sql += "\n;\n";
            sql += &tail;
        }
        let tell = |Waiting { since, blockers }| {
            report(Event::Goes { version: job.version, statement: (index + 1, statements.len()), since, blockers });
        };
        session.send(sql, tell).await.map_err(|failure| locate(failure, before, index, piece))?;
    }
    Ok(())
}

/// Finds the place of a failure in a message that began with so many characters, and statements, of ours.
fn locate(failure: Failure, (characters, statements): (usize, usize), index: usize, piece: &Piece) -> Trouble {
    let Failure { done, error, blockers } = failure;
    let position = match &error {
        sqlx::Error::Database(error) => {
            match error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::position) {
                Some(PgErrorPosition::Original(position)) => {
                    position.checked_sub(characters).filter(|position| *position > 0)
                }
                _ => None,
            }
        }
        _ => None,
    };
    let place = match position {
        Some(position) if position <= piece.text.chars().count() => Place::Statement(index, piece.line_at(position)),
        _ if done > statements => Place::End,
        _ => Place::Statement(index, piece.line),
    };
    // The statements of ours at the beginning are what begins the transaction.
    Trouble { place, why: Why::Server(error), blockers, is_begun: done > 0 || statements == 0 }
}

fn at_end(failure: Failure) -> Trouble {
    let Failure { done, error, blockers } = failure;
    Trouble { place: Place::End, why: Why::Server(error), blockers, is_begun: done > 0 }
}

async fn run_checks(session: &mut Session<'_>, checks: &[Check]) -> Result<(), Trouble> {
    for check in checks {
        let answer = sqlx::raw_sql(AssertSqlSafe(check.sql.clone())).fetch_optional(&mut session.connection).await;
        // No row, null, or something that is no truth value is not true.
        let why = match answer {
            Ok(row) if row.as_ref().and_then(|row| row.try_get::<Option<bool>, _>(0).ok()).flatten() == Some(true) => {
                continue;
            }
            Ok(_) => Why::Untrue,
            Err(error) => Why::Server(error),
        };
        return Err(Trouble::new(Place::Check(check.clone()), why));
    }
    Ok(())
}

/// The time-outs of a file, in milliseconds.
fn timeouts(session: &Session<'_>, prepared: &Prepared<'_>) -> (u128, u128) {
    let lock = prepared.lock_timeout.unwrap_or(session.settings.statement_lock_timeout);
    let statement = prepared.statement_timeout.unwrap_or(session.settings.statement_timeout);
    (lock.as_millis(), statement.as_millis())
}

/// Each statement by itself; what was done stands when a later one fails.
async fn plainly(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<(), MigrateError> {
    let before = invalid_indexes(session).await?;
    session.note(THEIR_PATH.to_owned()).await?;
    let outcome = one_by_one(session, recorder, job, report).await?;
    if !outcome.as_ref().is_err_and(|(_, trouble)| trouble.ended_session()) {
        session.settle().await?;
    }
    let Err((index, trouble)) = outcome else { return Ok(session.note(job.on_success.clone()).await?) };
    let Some(piece) = index.and_then(|index| job.prepared.statements.get(index)) else {
        return Err(stopped(session, recorder, job, trouble, 0, Left::Nothing).await?);
    };
    let done = index.and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX);
    if trouble.ended_session() {
        return Err(MigrateError::Failed(Box::new(describe(job, &trouble, Left::NotKnown))));
    }
    let invalid_indexes: Vec<String> =
        invalid_indexes(session).await?.into_iter().filter(|index| !before.contains(index)).collect();
    let nothing =
        done == 0 && invalid_indexes.is_empty() && (leaves_nothing(piece) || matches!(trouble.why, Why::Cancelled));
    let left = if nothing { Left::Nothing } else { Left::Part { done, invalid_indexes } };
    Err(stopped(session, recorder, job, trouble, done, left).await?)
}

/// The checks, and the statements; which one failed, and `None` is a check. The outer error is one of the noting. What one of
/// them sets, such as another search path, holds for those after it.
async fn one_by_one(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    report: &mut impl FnMut(Event),
) -> Result<Result<(), (Option<usize>, Trouble)>, sqlx::Error> {
    if let Err(trouble) = run_checks(session, &job.prepared.checks).await {
        return Ok(Err((None, trouble)));
    }
    for (index, piece) in job.prepared.statements.iter().enumerate() {
        if let Err(trouble) = statement(session, recorder, job, index, piece, report).await? {
            return Ok(Err((Some(index), trouble)));
        }
    }
    Ok(Ok(()))
}

/// One statement; the outer error is one of the noting.
async fn statement(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    index: usize,
    piece: &Piece,
    report: &mut impl FnMut(Event),
) -> Result<Result<(), Trouble>, sqlx::Error> {
    if session.settings.cancel.is_cancelled() {
        return Ok(Err(Trouble::new(Place::Statement(index, piece.line), Why::Cancelled)));
    }
    let statements = job.prepared.statements.len();
    let (mut lock, timeout) = timeouts(session, job.prepared);
    let concurrent = piece.is_concurrent();
    if concurrent && job.prepared.lock_timeout.is_none() {
        // It waits for transactions that are older than itself, and nobody waits for it meanwhile.
        lock = 0;
    }
    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    let at = recorder.at(job.attempt, number, piece.line);
    let limits = format!("set lock_timeout = {lock};\nset statement_timeout = {timeout};\n");
    session.note(format!("{OUR_PATH_HERE}{limits}{at}")).await?;
    let most = if concurrent { 0 } else { session.settings.lock_retries };
    let mut pause = FIRST_PAUSE;
    for tries in 0.. {
        let tell = |Waiting { since, blockers }| {
            report(Event::Goes { version: job.version, statement: (index + 1, statements), since, blockers });
        };
        let Err(failure) = session.send(piece.text.clone(), tell).await else { break };
        let trouble = locate(failure, (0, 0), index, piece);
        let again = trouble.code().is_some_and(|code| WORTH_ANOTHER_TRY.contains(&code.as_str()));
        if !again || tries >= most || session.settings.cancel.is_cancelled() {
            return Ok(Err(trouble));
        }
        let blockers = trouble.blockers;
        report(Event::WaitsForLock { version: job.version, tries: (tries + 1, most + 1), again_in: pause, blockers });
        rest(session, pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(Ok(()))
}

/// Notes how far a file without a transaction came.
async fn stopped(
    session: &mut Session<'_>,
    recorder: &Recorder,
    job: &Job<'_>,
    trouble: Trouble,
    done: u32,
    left: Left,
) -> Result<MigrateError, sqlx::Error> {
    let failed = describe(job, &trouble, left);
    let nothing = failed.left == Left::Nothing;
    let outcome = if nothing { Outcome::RolledBack } else { Outcome::Partial };
    let mut noted = noted(&failed);
    noted.statement = noted.statement.or(Some(done + 1));
    let mut note = recorder.failed(job.attempt, outcome, &noted);
    if nothing {
        note += &job.on_nothing_left;
    }
    session.note(note).await?;
    Ok(MigrateError::Failed(Box::new(failed)))
}

/// Whether a statement that fails by itself leaves nothing: those that commit in the middle may.
fn leaves_nothing(piece: &Piece) -> bool {
    let first = piece.first_word();
    let commits = ["call", "do", "vacuum", "cluster", "reindex"].contains(&first.as_str());
    !(commits || piece.is_concurrent() && first != "create")
}

async fn invalid_indexes(session: &mut Session<'_>) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::raw_sql(
        r"
        select format('%I.%I', n.nspname, c.relname) as name
        from pg_index i
        join pg_class c on c.oid = i.indexrelid
        join pg_namespace n on n.oid = c.relnamespace
        where not i.indisvalid
        order by 1
        ",
    )
    .fetch_all(&mut session.connection)
    .await?;
    rows.iter().map(|row| row.try_get("name")).collect()
}

fn describe(job: &Job<'_>, trouble: &Trouble, left: Left) -> FailedMigration {
    let statements = &job.prepared.statements;
    let (statement, line, sql) = match &trouble.place {
        Place::Statement(index, line) => {
            let sql = statements.get(*index).map(Piece::shown).unwrap_or_default();
            (u32::try_from(index + 1).ok(), *line, sql)
        }
        Place::Check(check) => (None, check.line, check.sql.clone()),
        Place::End => (None, statements.last().map_or(1, |piece| piece.line), String::new()),
    };
    let mut failed = FailedMigration {
        version: job.version,
        name: job.name.to_owned(),
        file: job.prepared.script.file.clone(),
        line,
        statement,
        statements: statements.len(),
        sql,
        left,
        purpose: job.purpose,
        blockers: trouble.blockers.clone(),
        ..FailedMigration::default()
    };
    match &trouble.why {
        Why::Untrue => "the check is not true".clone_into(&mut failed.message),
        Why::Cancelled => "it was cancelled".clone_into(&mut failed.message),
        Why::Server(sqlx::Error::Database(error)) => {
            error.message().clone_into(&mut failed.message);
            failed.sqlstate = error.code().map(Into::into);
            if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                failed.detail = error.detail().map(ToOwned::to_owned);
                failed.hint = error.hint().map(ToOwned::to_owned);
            }
        }
        Why::Server(error) => {
            failed.left = Left::NotKnown;
            failed.message = format!("the connection to the server was lost: {}", Cause(error));
        }
    }
    failed
}

fn noted(failed: &FailedMigration) -> Failed {
    Failed {
        statement: failed.statement,
        line: Some(failed.line),
        sqlstate: failed.sqlstate.clone(),
        message: failed.message.clone(),
        left_behind: match &failed.left {
            Left::Part { invalid_indexes, .. } => invalid_indexes.clone(),
            Left::Nothing | Left::NotKnown => Vec::new(),
        },
    }
}
