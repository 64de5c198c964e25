//! `repair`: accepts an edited file that builds the same schema as before.

use crate::commands::drift::expect_built_by;
use crate::error::MigrateError;
use crate::file::source::Migration;
use crate::migrator::Migrator;
use crate::problem::{HistoryProblem, MigrationState};
use crate::record::attempt::AttemptAction;
use crate::record::history::MigrationHistory;
use crate::record::plan::MigrationPlan;
use crate::run::recording::{open_recorder, opening_notes};
use crate::run::session::MigrationSession;

impl Migrator {
    /// Replaces the recorded checksum by that of the edited file, and returns the name of the migration. The old text is not
    /// known, so everything is verified: the files have to build the schema that the database has.
    ///
    /// # Errors
    /// [`MigrateError::Differs`] if they do not; [`MigrateError::InvalidRequest`] if there is nothing to repair.
    pub async fn repair(&self, version: i64) -> Result<String, MigrateError> {
        MigrationSession::with_lock(&self.database, &self.settings, async |session| {
            repair_in(session, &self.migrations, version).await
        })
        .await
    }
}

async fn repair_in(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    version: i64,
) -> Result<String, MigrateError> {
    let names = session.settings.names;
    let (history, plan) = session.history_and_plan(migrations).await?;
    let migration = migrations.iter().find(|migration| migration.version == version);
    let reason = match (migration, plan.state(version)) {
        (Some(migration), MigrationState::Edited | MigrationState::Cosmetic) => {
            verify_edit(session, migrations, migration, &plan, &history).await?;
            let mut recorder = open_recorder(session, &history).await?;
            let mut sql = opening_notes(&recorder, &history);
            sql += &recorder.rechecked(migration);
            sql += &recorder.done(version, &migration.name, Some(&migration.up), AttemptAction::Repair);
            session.note(sql).await?;
            return Ok(migration.name.clone());
        }
        (None, _) => format!("there is no such migration; `{}` lists all", names.migrate("status")),
        (_, MigrationState::Applied) => "its file is unchanged".to_owned(),
        (_, MigrationState::Partial | MigrationState::Interrupted) => {
            format!("it failed; use `{}`", names.migrate("resolve"))
        }
        _ => "it is not applied".to_owned(),
    };
    Err(MigrateError::InvalidRequest(format!("{version} needs no repair: {reason}. Nothing was changed.")))
}

async fn verify_edit(
    session: &mut MigrationSession<'_>,
    migrations: &[Migration],
    migration: &Migration,
    plan: &MigrationPlan,
    history: &MigrationHistory,
) -> Result<(), MigrateError> {
    if plan.state(migration.version) == MigrationState::Cosmetic {
        return Ok(());
    }
    if !plan.unknown.is_empty() {
        let problem = HistoryProblem::Unknown(plan.unknown.clone());
        return Err(MigrateError::Refused(problem, session.settings.names));
    }
    expect_built_by(session, &history.applied(migrations), || {
        format!(
            "{} {} no longer builds what the database has; nothing was changed. Restore the file, and make the change in a \
             new migration:",
            migration.version, migration.name
        )
    })
    .await
}
