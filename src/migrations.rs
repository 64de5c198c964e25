//! The migrations of this program, and the settings of the toolkit that runs them.

use migrate_toolkit::{IgnorePatterns, MigrateSettings, Migration, MigrationProfile, Migrator, read_compiled};
use sqlx::postgres::PgConnectOptions;

use crate::config::{Config, DatabaseConfig, DatabaseUrl, IgnoreConfig, Location, Profile};
use crate::program::MIGRATION_NAMES;

static COMPILED: sqlx::migrate::Migrator = sqlx::migrate!();

/// The migrations that are compiled into the program, in the order of their versions.
#[must_use]
pub fn compiled() -> Vec<Migration> {
    read_compiled(&COMPILED)
}

/// A migrator with the compiled migrations and the settings of the configuration.
#[must_use]
pub fn migrator(config: &Config, database: &PgConnectOptions) -> Migrator {
    Migrator::new(&COMPILED, database.clone(), settings(config))
}

/// The settings of the toolkit.
#[must_use]
pub fn settings(config: &Config) -> MigrateSettings {
    let migrations = &config.migrations;
    MigrateSettings {
        lock_timeout: migrations.lock_timeout,
        statement_lock_timeout: migrations.statement_lock_timeout,
        lock_retries: migrations.lock_retries,
        statement_timeout: migrations.statement_timeout,
        shadow: config.database.shadow_url.as_ref().map(DatabaseUrl::options),
        rows_role: rows_role(&config.database),
        separate_statements: config.database.citus,
        distributed_by: Some("user_id".to_owned()),
        ignore: ignore_patterns(&migrations.ignore),
        ..MigrateSettings::new(config.profile.into(), &MIGRATION_NAMES)
    }
}

/// The role of `database.url`, if `database.direct_url` has another one.
fn rows_role(database: &DatabaseConfig) -> Option<String> {
    let Location::Url(url) = &database.location else { return None };
    let role = |url: &DatabaseUrl| url.options().get_username().to_owned();
    let (serves, migrates) = (role(url), role(database.direct_url.as_ref()?));
    (serves != migrates).then_some(serves)
}

fn ignore_patterns(config: &IgnoreConfig) -> IgnorePatterns {
    let IgnoreConfig { schemas, tables, extensions, roles, others } = config.clone();
    IgnorePatterns { schemas, tables, extensions, roles, others }
}

impl From<Profile> for MigrationProfile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Dev => Self::Dev,
            Profile::Test => Self::Test,
            Profile::Prod => Self::Prod,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use migrate_toolkit::{LintFilter, lint, read_folder};

    use super::*;

    #[test]
    fn every_migration_can_be_rolled_back() {
        for migration in compiled() {
            assert!(migration.down.is_some(), "{} {}", migration.version, migration.name);
        }
    }

    #[test]
    fn no_two_migrations_have_the_same_version() {
        let versions: Vec<i64> = compiled().iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    }

    #[test]
    fn the_folder_and_the_binary_hold_the_same() {
        let folder = read_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))).expect("a folder");
        let shown = |migrations: &[Migration]| {
            migrations.iter().map(|one| (one.version, one.name.clone(), one.up_sql().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(shown(&folder), shown(&compiled()));
        assert!(folder[0].up.file.ends_with(&compiled()[0].up.file));
    }

    #[test]
    fn the_migrations_are_clean() {
        assert_eq!(lint(&compiled(), &LintFilter::default()), []);
    }
}
