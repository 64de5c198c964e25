//! `reset`: drops everything, and applies all migrations.

use crate::error::MigrateError;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::migrator::Migrator;
use crate::profile::MigrationProfile;
use crate::record::history::MigrationHistory;
use crate::run::apply::{apply_pending, deployable_plan, prepare_all};
use crate::run::empty::empty;
use crate::run::rights::grant_row_privileges;
use crate::run::session::MigrationSession;

/// The error of a reset in production.
pub(crate) fn reset_forbidden() -> MigrateError {
    MigrateError::Forbidden("a reset drops everything, and is not for prod; nothing was changed.".to_owned())
}

impl Migrator {
    /// Drops everything in the database and applies all migrations.
    ///
    /// # Errors
    /// [`MigrateError::Forbidden`] in production; if a file cannot be run, nothing is dropped.
    pub async fn reset(&self, mut report: impl FnMut(MigrateEvent)) -> Result<Vec<CompletedMigration>, MigrateError> {
        let Self { migrations, database, settings } = self;
        if settings.profile == MigrationProfile::Prod {
            return Err(reset_forbidden());
        }
        MigrationSession::with_lock(database, settings, async |session| {
            // The files are checked before anything is dropped.
            prepare_all(&deployable_plan(migrations, &MigrationHistory::default(), settings)?.pending, false)?;
            empty(session).await?;
            let completed = apply_pending(session, migrations, &mut report).await?;
            grant_row_privileges(session, &mut report).await?;
            Ok(completed)
        })
        .await
    }
}
