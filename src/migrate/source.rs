//! The migrations that there are.

use sqlx::migrate::{MigrationType, Migrator};

static EMBEDDED: Migrator = sqlx::migrate!();

/// One migration: what makes the change, and, if it is reversible, what takes it back.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its place in the order, a timestamp: `20260216090000`.
    pub version: i64,
    /// What it is for, as its file is named: `create users`.
    pub name: String,
    pub(super) up: sqlx::migrate::Migration,
}

impl Migration {
    /// The SQL that makes the change.
    pub fn up_sql(&self) -> &str {
        self.up.sql.as_str()
    }
}

/// The migrations that are compiled into the binary, in order.
#[must_use]
pub fn embedded() -> Vec<Migration> {
    let mut migrations: Vec<Migration> = EMBEDDED
        .iter()
        .filter(|migration| !matches!(migration.migration_type, MigrationType::ReversibleDown))
        .map(|up| Migration { version: up.version, name: up.description.to_string(), up: up.clone() })
        .collect();
    migrations.sort_by_key(|migration| migration.version);
    migrations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_can_be_taken_back() {
        for migration in embedded() {
            let down = |other: &sqlx::migrate::Migration| {
                other.version == migration.version && other.migration_type == MigrationType::ReversibleDown
            };
            assert!(EMBEDDED.iter().any(down), "{} {}", migration.version, migration.name);
        }
    }

    #[test]
    fn no_two_migrations_have_one_version() {
        let versions: Vec<i64> = embedded().iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    }
}
