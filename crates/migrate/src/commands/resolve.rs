//! `resolve`: corrects the record after somebody has corrected the database.

use sqlx::{AssertSqlSafe, Row as _};

use crate::commands::drift::expect_built_by;
use crate::error::MigrateError;
use crate::file::source::Migration;
use crate::migrator::Migrator;
use crate::problem::MigrationState;
use crate::program::ProgramNames;
use crate::record::attempt::{AttemptAction, MigrationAttempt};
use crate::record::history::MigrationHistory;
use crate::record::plan::MigrationPlan;
use crate::run::recording::{open_recorder, opening_notes};
use crate::run::session::MigrationSession;
use crate::sql_text::literal;

/// A person's statement about a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// All of it is in the database.
    Applied(i64),
    /// Nothing of it is in the database.
    RolledBack(i64),
}

/// The outcome of [`Migrator::resolve`].
#[derive(Debug, Clone)]
pub struct ResolvedMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// True if a shadow database confirmed the statement.
    pub verified: bool,
    /// The statements of a file without a transaction that its last attempt completed. The next deploy runs them again.
    pub run_again: u32,
}

impl Migrator {
    /// Records a person's statement about a migration, if it can be true. A migration that was never run here counts as applied
    /// only if the schema is the one that it builds; so a database that was made without this toolkit can be taken over.
    ///
    /// # Errors
    /// [`MigrateError::InvalidRequest`] with the reason, and [`MigrateError::Differs`] if the schema differs.
    pub async fn resolve(&self, resolution: Resolution) -> Result<ResolvedMigration, MigrateError> {
        MigrationSession::with_lock(&self.database, &self.settings, async |session| {
            resolve_in(session, &self.migrations, resolution).await
        })
        .await
    }
}

async fn resolve_in(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    resolution: Resolution,
) -> Result<ResolvedMigration, MigrateError> {
    let names = session.settings.names;
    let (history, plan) = session.history_and_plan(migrations).await?;
    let (Resolution::Applied(version) | Resolution::RolledBack(version)) = resolution;
    let Some(migration) = migrations.iter().find(|migration| migration.version == version) else {
        return Err(refuse(version, &format!("there is no such migration; `{}` lists all", names.migrate("status"))));
    };
    let attempt = history.attempts.iter().rev().find(|attempt| attempt.version == version);
    let is_begun = history.records.iter().any(|record| record.version == version && !record.success);
    if let Some(reason) = not_resolvable(resolution, plan.state(version), is_begun, names) {
        return Err(refuse(version, &reason));
    }
    if is_begun {
        check_leftovers(session, version, attempt, resolution).await?;
    } else {
        verify_applied(session, migrations, migration, &plan, &history).await?;
    }
    let mut recorder = open_recorder(session, &history).await?;
    let mut sql = opening_notes(&recorder, &history);
    match resolution {
        Resolution::Applied(_) => {
            sql += &recorder.declared(migration);
            sql += &recorder.done(version, &migration.name, Some(&migration.up), AttemptAction::ResolveApplied);
        }
        Resolution::RolledBack(_) => {
            sql += &recorder.removed(version);
            sql += &recorder.done(version, &migration.name, None, AttemptAction::ResolveRolledBack);
        }
    }
    session.note(sql).await?;
    let run_again = match resolution {
        Resolution::RolledBack(_) => attempt.map_or(0, completed_statements),
        Resolution::Applied(_) => 0,
    };
    Ok(ResolvedMigration { version, name: migration.name.clone(), verified: !is_begun, run_again })
}

/// The number of statements that an attempt to apply a file without a transaction completed.
fn completed_statements(attempt: &MigrationAttempt) -> u32 {
    let number = attempt.statement.filter(|_| attempt.action == AttemptAction::Apply).unwrap_or(1);
    u32::try_from(number - 1).unwrap_or(0)
}

/// The reason why a statement cannot be recorded, going by the state of the migration.
fn not_resolvable(
    resolution: Resolution,
    state: MigrationState,
    is_begun: bool,
    names: &ProgramNames,
) -> Option<String> {
    use MigrationState::{Applied, Cosmetic, Edited, Running};
    match (resolution, state) {
        (_, Running) => Some("it is running".to_owned()),
        (Resolution::Applied(_), Applied | Cosmetic | Edited) => Some("it is on record as applied already".to_owned()),
        (Resolution::RolledBack(_), Applied | Cosmetic | Edited) => {
            Some(format!("it is applied, and did not fail; `{}` rolls it back", names.migrate("rollback")))
        }
        (Resolution::RolledBack(_), _) if !is_begun => Some(format!(
            "nothing of it is in the database, and there is nothing to resolve; `{}` applies it",
            names.migrate("deploy")
        )),
        _ => None,
    }
}

fn refuse(version: i64, reason: &str) -> MigrateError {
    MigrateError::InvalidRequest(format!("{version} cannot be resolved: {reason}. Nothing was changed."))
}

/// Records that these migrations are applied, if the database has the schema that they build together with the applied ones.
pub(crate) async fn record_as_applied(migrator: &Migrator, versions: &[i64]) -> Result<(), MigrateError> {
    let Migrator { migrations, database, settings } = migrator;
    MigrationSession::with_lock(database, settings, async |session| {
        let history = session.history(migrations).await?;
        let mut builders = history.applied(migrations);
        let new: Vec<&Migration> = migrations.iter().filter(|one| versions.contains(&one.version)).collect();
        builders.extend(new.iter().map(|one| (*one).clone()));
        expect_built_by(session, &builders, || {
            "the files were written, but do not build what the database has; nothing was recorded:".to_owned()
        })
        .await?;
        let mut recorder = open_recorder(session, &history).await?;
        let mut sql = opening_notes(&recorder, &history);
        for one in new {
            sql += &recorder.declared(one);
            sql += &recorder.done(one.version, &one.name, Some(&one.up), AttemptAction::ResolveApplied);
        }
        Ok(session.note(sql).await?)
    })
    .await
}

/// Checks indexes that a failed statement left invalid: they show whether the statement of the person is true.
async fn check_leftovers(
    session: &mut MigrationSession<'_>,
    version: i64,
    attempt: Option<&MigrationAttempt>,
    resolution: Resolution,
) -> Result<(), MigrateError> {
    for index in attempt.map(|attempt| attempt.left_behind.as_slice()).unwrap_or_default() {
        let query = format!("select indisvalid from pg_index where indexrelid = to_regclass({})", literal(index));
        let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session.connection).await?;
        let valid: Option<bool> = row.map(|row| row.try_get("indisvalid")).transpose()?;
        let reason = match (resolution, valid) {
            (Resolution::Applied(_), Some(false)) => {
                format!("its index {index} is still invalid; make it valid with `reindex index concurrently {index}`")
            }
            (Resolution::Applied(_), None) => format!("its index {index} does not exist; create it by hand"),
            (Resolution::RolledBack(_), Some(_)) => {
                format!("its index {index} still exists; drop it with `drop index concurrently {index}`")
            }
            (Resolution::Applied(_), Some(true)) | (Resolution::RolledBack(_), None) => continue,
        };
        return Err(refuse(version, &reason));
    }
    Ok(())
}

/// Fails unless the schema is the one that the migrations up to this one build.
async fn verify_applied(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    migration: &Migration,
    plan: &MigrationPlan,
    history: &MigrationHistory,
) -> Result<(), MigrateError> {
    if let Some(earlier) = plan.pending.iter().find(|one| one.version < migration.version) {
        let reason = format!("{} {} comes before it and is not applied", earlier.version, earlier.name);
        return Err(refuse(migration.version, &reason));
    }
    if let Some(problem) = plan.problem_if(false) {
        return Err(MigrateError::Refused(problem, session.settings.names));
    }
    let mut builders = history.applied(migrations);
    builders.push(migration.clone());
    expect_built_by(session, &builders, || {
        format!(
            "the schema is not the one that the migrations up to {} {} build; nothing was recorded. Correct the database or \
             the file, and try again:",
            migration.version, migration.name
        )
    })
    .await
}
