//! A connection for work of the program's own that needs a session to itself, as the commands do.

use sqlx::PgConnection;

use crate::error::MigrateError;
use crate::migrator::Migrator;
use crate::record::history::find_tables;
use crate::run::recording::trusted_schema;
use crate::run::session::MigrationSession;
use crate::sql_text::literal;

/// A connection to the server itself.
#[derive(Debug)]
pub struct DirectConnection {
    /// The connection. Names are looked up in `pg_catalog` and among temporary tables only.
    pub connection: PgConnection,
    /// The schema of the record of the migrations, which they create their tables in. It is found on the default search path of
    /// the database, and nobody but this role and those that it trusts controls the record. Quoted where SQL needs it.
    pub home: String,
}

impl Migrator {
    /// Connects as the commands do: waits for the server as long as the settings say, and refuses a connection pooler in
    /// transaction mode. `application` is the name that others see.
    ///
    /// # Errors
    /// [`MigrateError::Connect`], [`MigrateError::InvalidRequest`] or [`MigrateError::Query`].
    pub async fn connect(&self, application: &str) -> Result<DirectConnection, MigrateError> {
        let session = MigrationSession::open_for(&self.database, &self.settings, async |session| {
            let name = format!("select pg_catalog.set_config('application_name', {}, false)", literal(application));
            session.note(name).await?;
            let tables = find_tables(&mut session.connection).await?;
            trusted_schema(&tables).map(str::to_owned)
        });
        let (connection, home) = session.await?;
        Ok(DirectConnection { connection, home })
    }
}
