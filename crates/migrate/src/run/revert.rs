//! Rolls migrations back in a session: the core of a rollback, which shadow databases use too.

use std::ops::ControlFlow;

use crate::error::{MigrateError, RunPurpose};
use crate::event::{CompletedMigration, MigrateEvent};
use crate::file::script::{PreparedScript, is_empty};
use crate::file::source::{Migration, Script};
use crate::file::squashed::{replaces, squashed};
use crate::problem::HistoryProblem;
use crate::program::ProgramNames;
use crate::record::attempt::AttemptAction;
use crate::record::history::MigrationHistory;
use crate::record::recorder::Recorder;
use crate::run::execute::execute;
use crate::run::recording::{open_recorder, opening_notes};
use crate::run::script_run::ScriptRun;
use crate::run::session::MigrationSession;

/// The extent of a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollbackTarget {
    /// This number of the newest migrations.
    Steps(usize),
    /// All migrations that are newer than this version; 0 is all.
    To(i64),
}

/// Runs the scripts that roll back, newest first.
pub(crate) async fn roll_back(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    target: RollbackTarget,
    report: &mut impl FnMut(MigrateEvent),
) -> Result<Vec<CompletedMigration>, MigrateError> {
    roll_back_with(session, migrations, target, report, &mut async |_| Ok(ControlFlow::Continue(()))).await
}

/// Runs the scripts that roll back, newest first, and calls `after_each` after each of them, which may end it.
pub(crate) async fn roll_back_with(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    target: RollbackTarget,
    report: &mut impl FnMut(MigrateEvent),
    after_each: &mut impl AsyncFnMut(&mut MigrationSession<'_>) -> Result<ControlFlow<()>, MigrateError>,
) -> Result<Vec<CompletedMigration>, MigrateError> {
    let names = session.settings.names;
    let (history, plan) = session.history_and_plan(migrations).await?;
    if !plan.blocked.is_empty() {
        return Err(MigrateError::Refused(HistoryProblem::Failed(plan.blocked), names));
    }
    let mut scripts = Vec::new();
    for version in chosen_versions(migrations, &history, target, names)? {
        let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
            return Err(MigrateError::Refused(HistoryProblem::Unknown(plan.unknown), names));
        };
        let Some(down) = &migration.down else {
            return Err(MigrateError::InvalidRequest(format!(
                "{version} {} has no `.down.sql`, so it cannot be rolled back; nothing was changed. Write one, or make the \
                 change in a new migration.",
                migration.name
            )));
        };
        if is_empty(down) {
            return Err(MigrateError::InvalidRequest(format!(
                "the down script of {version} {} has no statements, so it would undo nothing; nothing was changed. Write \
                 {}, or put `select;` in it if there is nothing to undo.",
                migration.name, down.file
            )));
        }
        scripts.push((migration, down, PreparedScript::new(down)?));
    }
    let mut recorder = open_recorder(session, &history).await?;
    session.note(opening_notes(&recorder, &history)).await?;
    let mut done = Vec::new();
    for (migration, down, prepared) in &scripts {
        done.push(roll_back_one(session, &mut recorder, migration, (down, prepared), report).await?);
        if after_each(session).await?.is_break() {
            break;
        }
    }
    Ok(done)
}

/// The versions to be rolled back, newest first.
fn chosen_versions(
    migrations: &[Migration],
    history: &MigrationHistory,
    target: RollbackTarget,
    names: &ProgramNames,
) -> Result<Vec<i64>, MigrateError> {
    // The records of replaced migrations go with the squashed file.
    let is_replaced = |version: &i64| migrations.iter().any(|one| replaces(one, *version));
    let newest_first =
        history.records.iter().rev().map(|record| record.version).filter(|version| !is_replaced(version));
    match target {
        RollbackTarget::Steps(steps) => Ok(newest_first.take(steps).collect()),
        RollbackTarget::To(0) => Ok(newest_first.collect()),
        RollbackTarget::To(version) if history.records.iter().any(|record| record.version == version) => {
            Ok(newest_first.take_while(|newer| *newer > version).collect())
        }
        RollbackTarget::To(version) => Err(MigrateError::InvalidRequest(format!(
            "{version} is not applied, so there is no way back to it; nothing was changed. `{}` lists what is applied.",
            names.migrate("status")
        ))),
    }
}

async fn roll_back_one(
    session: &mut MigrationSession<'_>,
    recorder: &mut Recorder,
    migration: &Migration,
    (down, prepared): (&Script, &PreparedScript<'_>),
    report: &mut impl FnMut(MigrateEvent),
) -> Result<CompletedMigration, MigrateError> {
    let (attempt, mut begin) = recorder.begin(migration, down, AttemptAction::Revert);
    if prepared.no_transaction {
        begin += &recorder.set_success(migration.version, false);
    }
    session.note(begin).await?;
    let mut removed = recorder.removed(migration.version);
    for one in squashed(&migration.up).into_iter().flatten() {
        removed += &recorder.removed(one.version);
    }
    let run = ScriptRun {
        version: migration.version,
        name: &migration.name,
        script: prepared,
        purpose: RunPurpose::Revert,
        attempt,
        on_success: removed + &recorder.succeeded(attempt),
        on_nothing_left: recorder.set_success(migration.version, true),
    };
    let took = execute(session, recorder, &run, report).await?;
    let done = CompletedMigration { version: migration.version, name: migration.name.clone(), took };
    report(MigrateEvent::Finished(done.clone()));
    Ok(done)
}
