//! The entry to everything: migrations, a database, and settings.

use std::path::Path;

use sqlx::migrate::Migrator as CompiledMigrations;
use sqlx::postgres::PgConnectOptions;

use crate::error::MigrateError;
use crate::file::source::{Migration, read_compiled, read_folder};
use crate::profile::MigrationProfile;
use crate::settings::MigrateSettings;

/// Migrations, the database to work on, and settings. Each command of the toolkit is a method.
///
/// Every method opens a connection of its own and closes it afterwards, whatever happens. A URL that leads through a connection
/// pooler in transaction mode is refused.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use migrate_toolkit::{MigrateSettings, MigrationProfile, Migrator, ProgramNames};
///
/// static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("examples/notes/migrations");
///
/// let settings = MigrateSettings::new(MigrationProfile::Dev, &ProgramNames::DEFAULT);
/// let migrator = Migrator::new(&MIGRATIONS, "postgres://localhost/notes".parse()?, settings);
/// for migration in migrator.deploy(|event| println!("{event:?}")).await? {
///     println!("applied {} in {} ms", migration.version, migration.took.as_millis());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Migrator {
    /// The migrations, in the order of their versions.
    pub migrations: Vec<Migration>,
    /// The database: the server itself, not a connection pooler.
    pub database: PgConnectOptions,
    /// The settings.
    pub settings: MigrateSettings,
}

impl Migrator {
    /// A migrator with the migrations that `sqlx::migrate!` compiled into the program.
    #[must_use]
    pub fn new(compiled: &'static CompiledMigrations, database: PgConnectOptions, settings: MigrateSettings) -> Self {
        Self { migrations: read_compiled(compiled), database, settings }
    }

    /// The same with the migrations of a folder, which are newer than the compiled ones during development.
    ///
    /// # Errors
    /// [`MigrateError::Source`] if the folder or a file cannot be read.
    pub fn with_folder(self, folder: &Path) -> Result<Self, MigrateError> {
        Ok(Self { migrations: read_folder(folder)?, ..self })
    }
}

/// The reaction of a program to pending migrations when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootPolicy {
    /// Applies them.
    Apply,
    /// Refuses to start until somebody has run `deploy`.
    RequireDeploy,
}

impl From<MigrationProfile> for BootPolicy {
    /// `Apply` in development and tests, `RequireDeploy` in production.
    fn from(profile: MigrationProfile) -> Self {
        match profile {
            MigrationProfile::Dev | MigrationProfile::Test => Self::Apply,
            MigrationProfile::Prod => Self::RequireDeploy,
        }
    }
}
