//! `rollback`: rolls migrations back, newest first.

use crate::error::MigrateError;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::migrator::Migrator;
use crate::profile::MigrationProfile;
use crate::program::ProgramNames;
use crate::run::revert::roll_back;
use crate::run::rights::grant_row_privileges;
use crate::run::session::MigrationSession;

pub use crate::run::revert::RollbackTarget;

/// The error of a rollback in production without the name of the database.
pub(crate) fn rollback_forbidden(names: &ProgramNames, database: &str, said: Option<&str>) -> MigrateError {
    let said = said.map_or_else(String::new, |name| format!(" (and not `{name}`)"));
    MigrateError::Forbidden(format!(
        "in prod, a rollback can lose data; nothing was changed. Back up first, then confirm the database: `{}`{said}.",
        names.migrate(&format!("rollback --yes {database}"))
    ))
}

impl Migrator {
    /// Rolls migrations back, newest first. In production, `confirmed` has to be the name of the database.
    ///
    /// # Errors
    /// [`MigrateError`]; migrations that were rolled back before the error stay rolled back.
    pub async fn rollback(
        &self,
        target: RollbackTarget,
        confirmed: Option<&str>,
        mut report: impl FnMut(MigrateEvent),
    ) -> Result<Vec<CompletedMigration>, MigrateError> {
        let Self { migrations, database, settings } = self;
        MigrationSession::with(database, settings, async |session| {
            let name = session.database();
            if settings.profile == MigrationProfile::Prod && confirmed != Some(name) {
                return Err(rollback_forbidden(settings.names, name, confirmed));
            }
            session.lock().await?;
            let done = roll_back(session, migrations, target, &mut report).await?;
            // A script may have created a table again.
            grant_row_privileges(session, &mut report).await?;
            Ok(done)
        })
        .await
    }
}
