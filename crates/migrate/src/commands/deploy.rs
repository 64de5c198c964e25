//! `deploy`: applies pending migrations.

use crate::error::MigrateError;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::migrator::Migrator;
use crate::record::history::read_history;
use crate::record::plan::MigrationPlan;
use crate::run::apply::{apply_pending, deployable_plan, prepare_all, refuse_foreign_database};
use crate::run::rights::grant_row_privileges;
use crate::run::session::MigrationSession;

impl Migrator {
    /// Applies the pending migrations, in order, and reports the progress. Several processes may deploy at once: one applies,
    /// the others wait for it and find nothing left to do. If another role serves, it is granted its missing row privileges.
    ///
    /// # Errors
    /// [`MigrateError`]; migrations that were completed before the error stay applied.
    pub async fn deploy(&self, mut report: impl FnMut(MigrateEvent)) -> Result<Vec<CompletedMigration>, MigrateError> {
        MigrationSession::with_lock(&self.database, &self.settings, async |session| {
            let completed = apply_pending(session, &self.migrations, &mut report).await?;
            grant_row_privileges(session, &mut report).await?;
            Ok(completed)
        })
        .await
    }

    /// The plan of a deploy: the same checks, but nothing is changed.
    ///
    /// # Errors
    /// [`MigrateError`], as a deploy would fail.
    pub async fn preview(&self) -> Result<MigrationPlan, MigrateError> {
        MigrationSession::with(&self.database, &self.settings, async |session| {
            let history = read_history(&mut session.connection, &self.migrations).await?;
            let plan = deployable_plan(&self.migrations, &history, session.settings)?;
            refuse_foreign_database(session, &history, &plan).await?;
            prepare_all(&plan.pending, false)?;
            Ok(plan)
        })
        .await
    }
}
