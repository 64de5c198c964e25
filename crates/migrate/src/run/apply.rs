//! Applies pending migrations in a session: the core of a deploy, which shadow databases use too.

use crate::error::{MigrateError, RunPurpose};
use crate::event::{CompletedMigration, MigrateEvent};
use crate::exit::Exit;
use crate::file::script::PreparedScript;
use crate::file::source::Migration;
use crate::problem::MigrationState;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;
use crate::record::attempt::AttemptAction;
use crate::record::history::MigrationHistory;
use crate::record::plan::MigrationPlan;
use crate::record::recorder::Recorder;
use crate::run::execute::execute;
use crate::run::recording::{open_recorder, opening_notes};
use crate::run::script_run::ScriptRun;
use crate::run::session::{DatabaseUse, MigrationSession};
use crate::settings::{IgnorePatterns, MigrateSettings};

/// The number of objects of a non-empty database that the error names.
const NAMED_OBJECTS: usize = 5;

/// Applies the pending migrations, in order.
pub(crate) async fn apply_pending(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    report: &mut impl FnMut(MigrateEvent),
) -> Result<Vec<CompletedMigration>, MigrateError> {
    apply_with(session, migrations, report, &mut async |_| Ok(())).await
}

/// Applies the pending migrations, in order, and calls `after_each` after each of them.
pub(crate) async fn apply_with(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    report: &mut impl FnMut(MigrateEvent),
    after_each: &mut impl AsyncFnMut(&mut MigrationSession<'_>) -> Result<(), MigrateError>,
) -> Result<Vec<CompletedMigration>, MigrateError> {
    let history = session.history(migrations).await?;
    let plan = deployable_plan(migrations, &history, session.settings)?;
    if let Some(notice) = refuse_foreign_database(session, &history, &plan).await? {
        report(MigrateEvent::Notice(notice));
    }
    // Every file first, so that a file that cannot run stops the others too.
    let prepared = prepare_all(&plan.pending, session.database_use != DatabaseUse::Target)?;
    report_oddities(&plan, report);
    let adopted = adoptable(migrations, &plan, &history);
    if prepared.is_empty() && adopted.is_empty() {
        return Ok(Vec::new());
    }
    let mut recorder = open_recorder(session, &history).await?;
    let mut notes = opening_notes(&recorder, &history);
    for migration in adopted {
        notes += &recorder.done(migration.version, &migration.name, Some(&migration.up), AttemptAction::Adopt);
    }
    match apply_prepared(session, &mut recorder, notes, (&plan.pending, &prepared), (report, after_each)).await {
        // A role that may only read has nothing to do all the same.
        Err(MigrateError::Database(sqlx::Error::Database(error)))
            if prepared.is_empty() && error.code().as_deref() == Some("42501") =>
        {
            Ok(Vec::new())
        }
        outcome => outcome,
    }
}

/// The plan of a deploy, or the reason why nothing may be applied.
pub(crate) fn deployable_plan(
    migrations: &[Migration],
    history: &MigrationHistory,
    settings: &MigrateSettings,
) -> Result<MigrationPlan, MigrateError> {
    let mut plan = MigrationPlan::new(migrations, history);
    if let Some(problem) = plan.problem_if(settings.refuse_out_of_order()) {
        return Err(MigrateError::Refused(problem, settings.names));
    }
    if let Some(newest) = settings.newest {
        if migrations.iter().all(|migration| migration.version != newest) {
            return Err(MigrateError::InvalidRequest(format!(
                "there is no migration {newest}; nothing was applied. `{}` lists all migrations.",
                settings.names.migrate("status")
            )));
        }
        plan.pending.retain(|migration| migration.version <= newest);
        plan.empty.retain(|migration| migration.version <= newest);
    }
    // In a checkout an empty file was just begun; in production something was forgotten.
    match plan.empty.first().filter(|_| settings.profile == MigrationProfile::Prod) {
        Some(empty) => Err(MigrateError::File {
            file: empty.file.clone(),
            line: 1,
            problem: "it has nothing but comments; fill it in or delete it".to_owned(),
        }),
        None => Ok(plan),
    }
}

/// Refuses a database that has objects and no record, unless the settings allow it: it belongs to others, or was made without
/// this toolkit. If they do, returns a notice: nothing that stays in the database remembers which objects are those of others.
pub(crate) async fn refuse_foreign_database(
    session: &mut MigrationSession<'_>,
    history: &MigrationHistory,
    plan: &MigrationPlan,
) -> Result<Option<String>, MigrateError> {
    let tables = &history.tables;
    let is_shadow = session.database_use != DatabaseUse::Target;
    if plan.pending.is_empty() || tables.has_records || tables.has_attempts || is_shadow {
        return Ok(None);
    }
    let schema = session.schema().await?;
    let mut objects = schema.holdings();
    if objects.is_empty() {
        return Ok(None);
    }
    if session.settings.beside {
        let patterns = schema.ignorable(tables.schema());
        return Ok(Some(beside_notice(&patterns, session.settings.names)));
    }
    let more = objects.len().saturating_sub(NAMED_OBJECTS);
    objects.truncate(NAMED_OBJECTS);
    if more > 0 {
        objects.push(format!("and {more} more"));
    }
    Err(MigrateError::NotEmpty { database: session.database().to_owned(), objects, names: session.settings.names })
}

/// The notice that a database has objects of others, with the setting that ignores them.
fn beside_notice(patterns: &IgnorePatterns, names: &ProgramNames) -> String {
    let IgnorePatterns { schemas, tables, extensions, .. } = patterns;
    let lists = [("schemas", schemas), ("tables", tables), ("extensions", extensions)];
    let lists: Vec<String> = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| format!("{name} = {}", list.join(",")))
        .collect();
    format!(
        "the database has objects of others. `{}` compares them, and ends with {}, until they are listed in {}: {}",
        names.migrate("status"),
        Exit::Drift.code(),
        names.ignore,
        lists.join("; ")
    )
}

/// Prepares the scripts to be run. A shadow database also builds files that another tool has applied, with statements that are
/// refused in new files.
pub(crate) fn prepare_all(pending: &[Migration], shadow: bool) -> Result<Vec<PreparedScript<'_>>, MigrateError> {
    let mut prepared = Vec::with_capacity(pending.len());
    for migration in pending {
        let script = &migration.up;
        prepared.push(if shadow { PreparedScript::as_applied(script)? } else { PreparedScript::new(script)? });
    }
    Ok(prepared)
}

fn report_oddities(plan: &MigrationPlan, report: &mut impl FnMut(MigrateEvent)) {
    for late in &plan.late {
        report(MigrateEvent::Notice(format!(
            "{} {} is older than the newest applied migration; it is applied all the same",
            late.version, late.name
        )));
    }
    for one in &plan.empty {
        report(MigrateEvent::Notice(format!(
            "{} has no statements yet and is skipped. Finish it, or delete the pair, before you write another one",
            one.file
        )));
    }
    for one in &plan.cosmetic {
        report(MigrateEvent::Notice(format!(
            "{} {} was changed after it was applied, in comments or white space only",
            one.version, one.name
        )));
    }
}

/// The migrations that another tool applied, and that are unchanged. Their content is recorded, so that a comment may change
/// later.
fn adoptable<'a>(migrations: &'a [Migration], plan: &MigrationPlan, history: &MigrationHistory) -> Vec<&'a Migration> {
    let known: std::collections::HashSet<i64> = history.attempts.iter().map(|attempt| attempt.version).collect();
    let adoptable =
        |one: &&Migration| plan.state(one.version) == MigrationState::Applied && !known.contains(&one.version);
    migrations.iter().filter(adoptable).collect()
}

/// Runs prepared migrations. The notes at the end of one are sent together with the notes at the beginning of the next.
async fn apply_prepared(
    session: &mut MigrationSession<'_>,
    recorder: &mut Recorder,
    mut notes: String,
    (pending, prepared): (&[Migration], &[PreparedScript<'_>]),
    (report, after_each): (
        &mut impl FnMut(MigrateEvent),
        &mut impl AsyncFnMut(&mut MigrationSession<'_>) -> Result<(), MigrateError>,
    ),
) -> Result<Vec<CompletedMigration>, MigrateError> {
    let begin = |recorder: &mut Recorder, (migration, script): (&Migration, &PreparedScript<'_>)| {
        let (attempt, mut sql) = recorder.begin(migration, &migration.up, AttemptAction::Apply);
        if script.no_transaction {
            sql += &recorder.begun(migration);
        }
        (attempt, sql)
    };
    let mut all = pending.iter().zip(prepared).peekable();
    let mut attempt = 0;
    if let Some(next) = all.peek() {
        let (id, sql) = begin(recorder, *next);
        attempt = id;
        notes += &sql;
    }
    session.note(notes).await?;
    let mut completed = Vec::new();
    while let Some((migration, script)) = all.next() {
        let mut on_success =
            if script.no_transaction { recorder.completed(migration.version) } else { recorder.applied(migration) };
        on_success += &recorder.succeeded(attempt);
        let mut next_attempt = attempt;
        if let Some(next) = all.peek() {
            let (id, sql) = begin(recorder, *next);
            next_attempt = id;
            on_success += &sql;
        }
        let run = ScriptRun {
            version: migration.version,
            name: &migration.name,
            script,
            purpose: RunPurpose::Apply,
            attempt,
            on_success,
            on_nothing_left: recorder.removed(migration.version),
        };
        let took = execute(session, recorder, &run, report).await?;
        let done = CompletedMigration { version: migration.version, name: migration.name.clone(), took };
        report(MigrateEvent::Finished(done.clone()));
        completed.push(done);
        attempt = next_attempt;
        after_each(session).await?;
    }
    Ok(completed)
}
