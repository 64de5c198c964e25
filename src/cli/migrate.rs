//! `app migrate …`: the commands of the toolkit, with the configuration and the database of this program.

use std::process::ExitCode;

use migrate_toolkit::cli::{HostError, MigrateHost, MigrateOptions};
use migrate_toolkit::explain::ConnectionTarget;
use migrate_toolkit::{MigrateSettings, Migration, ProgramNames};
use sqlx::postgres::PgConnectOptions;

use super::database::Database;
use super::distribution;
use super::globals::Globals;
use super::seed;
use crate::config::{Config, ConfigPurpose, Location};
use crate::migrations;
use crate::program::MIGRATION_NAMES;

/// The file of the desired schema, beside the folder of migrations.
pub(super) const SCHEMA: &str = "schema.sql";

/// Runs a command of the toolkit.
pub(super) async fn run(options: MigrateOptions, globals: Globals) -> anyhow::Result<ExitCode> {
    Ok(options.run(AppHost { globals, config: None, database: None }).await)
}

/// This program, as far as the commands need it.
struct AppHost {
    globals: Globals,
    config: Option<Config>,
    database: Option<Database>,
}

impl AppHost {
    fn config(&self) -> anyhow::Result<&Config> {
        self.config.as_ref().ok_or_else(|| anyhow::anyhow!("the configuration was not read"))
    }
}

impl MigrateHost for AppHost {
    fn names(&self) -> &'static ProgramNames {
        &MIGRATION_NAMES
    }

    fn compiled_migrations(&self) -> Vec<Migration> {
        migrations::compiled()
    }

    fn settings(&mut self) -> Result<MigrateSettings, HostError> {
        let config = self.globals.config(ConfigPurpose::Maintain)?;
        crate::telemetry::start_logging(&config.log);
        Ok(migrations::settings(self.config.insert(config)))
    }

    async fn open(&mut self) -> Result<PgConnectOptions, HostError> {
        let database = Database::open(self.config()?).await?;
        Ok(self.database.insert(database).direct.clone())
    }

    async fn close(&mut self) -> Result<(), HostError> {
        match self.database.take() {
            Some(database) => Ok(database.close().await?),
            None => Ok(()),
        }
    }

    fn describe_database(&self, database: &PgConnectOptions) -> String {
        match &self.config {
            Some(Config { database: config, .. }) if matches!(config.location, Location::Embedded) => {
                let name = database.get_database().unwrap_or_default();
                format!("the database {name} in {}/postgres", config.data_dir.display())
            }
            _ => ConnectionTarget::of(database).to_string(),
        }
    }

    async fn advise_after_deploy(&mut self) -> Result<Option<String>, HostError> {
        match (self.config(), &self.database) {
            (Ok(config), Some(database)) if config.database.citus => Ok(distribution::advice(&database.direct).await?),
            _ => Ok(None),
        }
    }

    async fn insert_sample_data(&mut self) -> Option<Result<String, HostError>> {
        let (Ok(config), Some(database)) = (self.config(), &self.database) else { return None };
        Some(seed::sample(config, database).await.map(seed::in_words).map_err(Into::into))
    }
}
