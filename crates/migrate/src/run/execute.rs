//! Runs a script, statement by statement, and records how it went.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::Instant;

use crate::error::{MigrateError, Remains, RunPurpose};
use crate::event::MigrateEvent;
use crate::file::script::{PreparedScript, ScriptCheck, ScriptStatement};
use crate::record::attempt::AttemptOutcome;
use crate::record::recorder::Recorder;
use crate::run::failure::{FailureCause, FailurePosition, StatementFailure, recorded};
use crate::run::script_run::ScriptRun;
use crate::run::session::{MigrationSession, StatementProgress};
use crate::search_path::{CATALOG_PATH, DEFAULT_PATH, LOCAL_CATALOG_PATH, LOCAL_DEFAULT_PATH};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The outcome of a script. The outer error is one of the toolkit's own statements.
type ScriptOutcome = Result<Result<(), StatementFailure>, sqlx::Error>;

/// Runs a script. Its changes are committed and recorded when this returns the time that it took.
pub(crate) async fn execute(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<Duration, MigrateError> {
    report(MigrateEvent::Started {
        version: run.version,
        name: run.name.to_owned(),
        reverting: run.purpose == RunPurpose::Revert,
    });
    let started = Instant::now();
    if run.script.no_transaction {
        without_transaction(session, recorder, run, report).await?;
    } else {
        in_transaction(session, recorder, run, report).await?;
    }
    Ok(started.elapsed())
}

/// Runs a script in one transaction, and records nothing.
pub(crate) async fn execute_unrecorded(
    session: &mut MigrationSession<'_>,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<(), MigrateError> {
    let names = session.settings.names;
    transaction_with_retries(session, run, report)
        .await?
        .map_err(|failure| MigrateError::Failed(Box::new(failure.describe(run, Remains::Nothing, names))))
}

/// Runs a script and its notes in one transaction: all of it or nothing.
async fn in_transaction(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<(), MigrateError> {
    let Err(failure) = transaction_with_retries(session, run, report).await? else { return Ok(()) };
    let failed = failure.describe(run, Remains::Nothing, session.settings.names);
    if !failure.ended_session() {
        session.note(recorder.failed(run.attempt, AttemptOutcome::RolledBack, &recorded(&failed))).await?;
    }
    Err(MigrateError::Failed(Box::new(failed)))
}

async fn transaction_with_retries(
    session: &mut MigrationSession<'_>,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> ScriptOutcome {
    let retries = session.settings.lock_retries;
    with_retries(session, run, retries, report, async |session, report| {
        let outcome = transaction(session, run, report).await;
        if let Err(failure) = &outcome
            && !failure.ended_session()
            && failure.is_begun
        {
            session.note("rollback".to_owned()).await?;
        }
        Ok(outcome)
    })
    .await
}

/// Repeats `attempt` while a lock is not acquired in time. Others who queued behind it get through during the pauses, which end
/// when the command is cancelled.
async fn with_retries<R: FnMut(MigrateEvent)>(
    session: &mut MigrationSession<'_>,
    run: &ScriptRun<'_>,
    retries: u32,
    report: &mut R,
    mut attempt: impl AsyncFnMut(&mut MigrationSession<'_>, &mut R) -> ScriptOutcome,
) -> ScriptOutcome {
    let mut pause = FIRST_PAUSE;
    let mut number = 0;
    loop {
        let Err(failure) = attempt(session, report).await? else { return Ok(Ok(())) };
        let is_cancelled = session.settings.cancel.is_cancelled();
        if failure.ended_session() || !failure.is_retryable() || number >= retries || is_cancelled {
            return Ok(Err(failure));
        }
        number += 1;
        report(MigrateEvent::Retrying {
            version: run.version,
            attempt: (number, retries + 1),
            pause,
            blockers: failure.blockers,
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = session.settings.cancel.cancelled() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn transaction(
    session: &mut MigrationSession<'_>,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<(), StatementFailure> {
    let PreparedScript { statements, checks, .. } = run.script;
    let (lock, statement) = timeouts(session, run.script);
    let mut head = format!(
        "begin;\nset local lock_timeout = {lock};\nset local statement_timeout = {statement};\n{LOCAL_DEFAULT_PATH}"
    );
    let restore =
        if run.script.resets { format!("reset all;\n{}", session.preparation()) } else { CATALOG_PATH.to_owned() };
    // A role that the script has switched to may not write to the record.
    let tail = format!("{restore}reset role;\n{}commit;\n", run.on_success);
    let separate = session.settings.separate_statements;
    if !checks.is_empty() || separate {
        let sql = std::mem::take(&mut head);
        session.send(sql, |_| ()).await.map_err(StatementFailure::at_end)?;
        run_checks(session, checks).await?;
    }
    let Some(last) = statements.len().checked_sub(1) else {
        return session.send(head + &tail, |_| ()).await.map_err(StatementFailure::at_end);
    };
    for (index, statement) in statements.iter().enumerate() {
        if session.settings.cancel.is_cancelled() {
            return Err(StatementFailure::cancelled(index, statement.line));
        }
        let head = std::mem::take(&mut head);
        let lead = (head.chars().count(), if head.is_empty() { 0 } else { 4 });
        let mut sql = head + &statement.text;
        if index == last && !separate {
            // The notes go with the last statement, without a round trip of their own.
            sql += "\n;\n";
            sql += &tail;
        }
        let sent = session.send(sql, progress(run, index, report)).await;
        sent.map_err(|failure| StatementFailure::in_statement(failure, lead, index, statement))?;
    }
    if separate {
        let sent = session.send(tail, |_| ()).await;
        sent.map_err(|failure| StatementFailure { is_begun: true, ..StatementFailure::at_end(failure) })?;
    }
    Ok(())
}

/// Reports that the statement with this index has been running for a while.
fn progress(run: &ScriptRun<'_>, index: usize, report: &mut impl FnMut(MigrateEvent)) -> impl FnMut(StatementProgress) {
    let (version, statement) = (run.version, (index + 1, run.script.statements.len()));
    move |StatementProgress { elapsed, blockers }| {
        report(MigrateEvent::Running { version, statement, elapsed, blockers });
    }
}

async fn run_checks(session: &mut MigrationSession<'_>, checks: &[ScriptCheck]) -> Result<(), StatementFailure> {
    for check in checks {
        let answer = sqlx::raw_sql(AssertSqlSafe(check.sql.clone())).fetch_optional(&mut session.connection).await;
        // No row, null, and a value that is not a boolean count as false.
        let cause = match answer {
            Ok(row) if row.as_ref().and_then(|row| row.try_get::<Option<bool>, _>(0).ok()).flatten() == Some(true) => {
                continue;
            }
            Ok(_) => FailureCause::FalseCheck,
            Err(error) => FailureCause::Server(error),
        };
        return Err(StatementFailure::new(FailurePosition::Check(check.clone()), cause));
    }
    Ok(())
}

/// The lock time-out and the statement time-out of a script, in milliseconds.
fn timeouts(session: &MigrationSession<'_>, script: &PreparedScript<'_>) -> (u128, u128) {
    let lock = script.lock_timeout.unwrap_or(session.settings.statement_lock_timeout);
    let statement = script.statement_timeout.unwrap_or(session.settings.statement_timeout);
    (lock.as_millis(), statement.as_millis())
}

/// Runs each statement by itself. Completed statements stay when a later one fails.
async fn without_transaction(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<(), MigrateError> {
    let before = invalid_indexes(session).await?;
    session.note(DEFAULT_PATH.to_owned()).await?;
    let outcome = one_by_one(session, recorder, run, report).await?;
    if !outcome.as_ref().is_err_and(|(_, failure)| failure.ended_session()) {
        session.restore_settings().await?;
    }
    let Err((index, failure)) = outcome else { return Ok(session.note(run.on_success.clone()).await?) };
    let Some(statement) = index.and_then(|index| run.script.statements.get(index)) else {
        return Err(record_failure(session, recorder, run, &failure, 0, Remains::Nothing).await?);
    };
    let done = index.and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX);
    if failure.ended_session() {
        let failed = failure.describe(run, Remains::Unknown, session.settings.names);
        return Err(MigrateError::Failed(Box::new(failed)));
    }
    let invalid_indexes: Vec<String> =
        invalid_indexes(session).await?.into_iter().filter(|index| !before.contains(index)).collect();
    let is_cancelled = matches!(failure.cause, FailureCause::Cancelled);
    let nothing = done == 0 && invalid_indexes.is_empty() && (leaves_nothing(statement) || is_cancelled);
    let left = if nothing { Remains::Nothing } else { Remains::Part { done, invalid_indexes } };
    Err(record_failure(session, recorder, run, &failure, done, left).await?)
}

/// Runs the checks and the statements. The failure comes with the index of its statement; `None` is a check. A setting of one
/// statement, such as another search path, holds for those after it.
async fn one_by_one(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<Result<(), (Option<usize>, StatementFailure)>, sqlx::Error> {
    if let Err(failure) = run_checks(session, &run.script.checks).await {
        return Ok(Err((None, failure)));
    }
    for (index, statement) in run.script.statements.iter().enumerate() {
        if let Err(failure) = one_statement(session, recorder, run, (index, statement), report).await? {
            return Ok(Err((Some(index), failure)));
        }
    }
    Ok(Ok(()))
}

async fn one_statement(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    (index, statement): (usize, &ScriptStatement),
    report: &mut impl FnMut(MigrateEvent),
) -> ScriptOutcome {
    if session.settings.cancel.is_cancelled() {
        return Ok(Err(StatementFailure::cancelled(index, statement.line)));
    }
    let (mut lock, timeout) = timeouts(session, run.script);
    let concurrent = statement.is_concurrent();
    if concurrent && run.script.lock_timeout.is_none() {
        // It waits for transactions that are older than itself, and nobody waits for it meanwhile.
        lock = 0;
    }
    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    let at = recorder.at(run.attempt, number, statement.line);
    let limits = format!("set lock_timeout = {lock};\nset statement_timeout = {timeout};\n");
    session.note(format!("{LOCAL_CATALOG_PATH}{limits}{at}")).await?;
    let retries = if concurrent { 0 } else { session.settings.lock_retries };
    with_retries(session, run, retries, report, async |session, report| {
        let sent = session.send(statement.text.clone(), progress(run, index, report)).await;
        Ok(sent.map_err(|failure| StatementFailure::in_statement(failure, (0, 0), index, statement)))
    })
    .await
}

/// Records how far a script without a transaction got, and returns the error to report.
async fn record_failure(
    session: &mut MigrationSession<'_>,
    recorder: &Recorder,
    run: &ScriptRun<'_>,
    failure: &StatementFailure,
    done: u32,
    left: Remains,
) -> Result<MigrateError, sqlx::Error> {
    let failed = failure.describe(run, left, session.settings.names);
    let nothing = failed.left == Remains::Nothing;
    let outcome = if nothing { AttemptOutcome::RolledBack } else { AttemptOutcome::Partial };
    let mut failure = recorded(&failed);
    failure.statement = failure.statement.or(Some(done + 1));
    let mut note = recorder.failed(run.attempt, outcome, &failure);
    if nothing {
        note += &run.on_nothing_left;
    }
    session.note(note).await?;
    Ok(MigrateError::Failed(Box::new(failed)))
}

/// True for a statement that leaves nothing when it fails. Statements that commit in the middle may leave something.
fn leaves_nothing(statement: &ScriptStatement) -> bool {
    let first = statement.first_word();
    let commits = ["call", "do", "vacuum", "cluster", "reindex"].contains(&first.as_str());
    !(commits || statement.is_concurrent() && first != "create")
}

async fn invalid_indexes(session: &mut MigrationSession<'_>) -> Result<Vec<String>, sqlx::Error> {
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
