//! `boot`: what a program does about pending migrations when it starts.

use crate::error::MigrateError;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::migrator::{BootPolicy, Migrator};
use crate::record::plan::MigrationPlan;
use crate::run::session::MigrationSession;

impl Migrator {
    /// Applies the pending migrations, or checks that there are none, as the policy says. Call it before the program serves.
    ///
    /// # Errors
    /// [`MigrateError::Pending`] with [`BootPolicy::RequireDeploy`] if migrations are pending; [`MigrateError::Refused`] if
    /// the history has a problem; any error of [`Migrator::deploy`] with [`BootPolicy::Apply`].
    pub async fn boot(
        &self,
        policy: BootPolicy,
        report: impl FnMut(MigrateEvent),
    ) -> Result<Vec<CompletedMigration>, MigrateError> {
        if policy == BootPolicy::Apply {
            return self.deploy(report).await;
        }
        let Self { migrations, database, settings } = self;
        let plan = MigrationSession::with(database, settings, async |session| {
            Ok(MigrationPlan::new(migrations, &session.history(migrations).await?))
        })
        .await?;
        match plan.problem(settings.profile) {
            Some(problem) => Err(MigrateError::Refused(problem, settings.names)),
            None if plan.pending.is_empty() => Ok(Vec::new()),
            None => Err(MigrateError::Pending { count: plan.pending.len(), names: settings.names }),
        }
    }
}
