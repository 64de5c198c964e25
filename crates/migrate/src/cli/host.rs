//! The embedding program, as far as the commands need it.

use std::error::Error;

use sqlx::postgres::PgConnectOptions;

use crate::explain::ConnectionTarget;
use crate::file::source::Migration;
use crate::migrator::Migrator;
use crate::program::ProgramNames;
use crate::settings::MigrateSettings;

/// An error of the embedding program, such as a wrong configuration.
pub type HostError = Box<dyn Error + Send + Sync>;

/// The embedding program, as far as the commands need it. A [`Migrator`] is one for programs that have all of this at hand.
pub trait MigrateHost {
    /// The names that messages use.
    fn names(&self) -> &'static ProgramNames;

    /// The migrations that are compiled into the program.
    fn compiled_migrations(&self) -> Vec<Migration>;

    /// The settings. This is the first thing that a command with a database asks for; it may start logging too.
    ///
    /// # Errors
    /// Any error; its text and those of its causes are shown, and the command ends with 1.
    fn settings(&mut self) -> Result<MigrateSettings, HostError>;

    /// The database to work on, past any connection pooler. It is asked for only when the command line is accepted and the
    /// migrations are read, so a private server may be started here.
    ///
    /// # Errors
    /// As [`MigrateHost::settings`].
    fn open(&mut self) -> impl Future<Output = Result<PgConnectOptions, HostError>>;

    /// Releases what [`MigrateHost::open`] has started.
    ///
    /// # Errors
    /// As [`MigrateHost::settings`].
    fn close(&mut self) -> impl Future<Output = Result<(), HostError>> {
        async { Ok(()) }
    }

    /// The database in words that a person recognizes it by, for the question before a reset.
    fn describe_database(&self, database: &PgConnectOptions) -> String {
        ConnectionTarget::of(database).to_string()
    }

    /// Looks at the database after a deploy, and returns advice for the person who ran it; `None` if there is none.
    ///
    /// # Errors
    /// As [`MigrateHost::settings`]. It is shown as advice, because the migrations are applied.
    fn advise_after_deploy(&mut self) -> impl Future<Output = Result<Option<String>, HostError>> {
        async { Ok(None) }
    }

    /// Inserts the sample data after a reset, and returns a sentence about it; `None` if the program has none.
    fn insert_sample_data(&mut self) -> impl Future<Output = Option<Result<String, HostError>>> {
        async { None }
    }
}

impl MigrateHost for Migrator {
    fn names(&self) -> &'static ProgramNames {
        self.settings.names
    }

    fn compiled_migrations(&self) -> Vec<Migration> {
        self.migrations.clone()
    }

    fn settings(&mut self) -> Result<MigrateSettings, HostError> {
        Ok(self.settings.clone())
    }

    async fn open(&mut self) -> Result<PgConnectOptions, HostError> {
        Ok(self.database.clone())
    }
}
