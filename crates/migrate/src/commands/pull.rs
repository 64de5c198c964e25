//! `pull`: writes a database down as a schema file.

use crate::error::MigrateError;
use crate::migrator::Migrator;
use crate::propose::proposal::copy_supported;
use crate::propose::shadow::in_shadow;
use crate::run::session::MigrationSession;

/// A database as a schema file.
#[derive(Debug, Clone)]
pub struct PulledSchema {
    /// The text of the schema file.
    pub text: String,
    /// Objects for which no SQL is written, and objects that need them.
    pub left_out: Vec<String>,
}

impl Migrator {
    /// The text of a schema file that builds what the database has. It was tried in a shadow database.
    ///
    /// # Errors
    /// [`MigrateError::Unsafe`] if the text does not build what the database has.
    pub async fn pull(&self) -> Result<PulledSchema, MigrateError> {
        MigrationSession::with(&self.database, &self.settings, async |session| {
            let found = session.schema().await?;
            let (up, left_out) = in_shadow(session, async |shadow| copy_supported(shadow, &found).await).await?;
            let mut text = self.header();
            if !left_out.is_empty() {
                text += "-- The database has more, which has to be written here by hand:\n";
                text.extend(left_out.iter().map(|one| format!("--   {}\n", one.replace('\n', " "))));
                text += "\n";
            }
            text += &up;
            Ok(PulledSchema { text, left_out })
        })
        .await
    }

    fn header(&self) -> String {
        format!(
            "\
-- The desired schema: plain PostgreSQL, in an order in which it can be run. Change it here, then write the migration with
-- `{}`. An object that keeps its content under another name is marked at the end of its line, as in
-- `full_name text, -- renamed from name`.

",
            self.settings.names.migrate("dev --name NAME")
        )
    }
}
