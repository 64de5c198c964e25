//! What there is held against what the database has.

use std::fmt;

use super::Exit;
use super::history::Record;
use super::source::Migration;
use crate::config::Profile;

/// What a database needs to be in step with the binary.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// To be applied, in order.
    pub pending: Vec<Migration>,
    /// Applied, and changed since: the versions.
    pub edited: Vec<i64>,
    /// On record, and not among the migrations there are: the database is ahead, or a file is gone.
    pub unknown: Vec<i64>,
    /// Begun, and never ended well.
    pub failed: Vec<i64>,
    /// The newest on record.
    newest_applied: Option<i64>,
}

/// Why the record stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A migration failed half-way.
    Failed(Vec<i64>),
    /// An applied migration was edited.
    Edited(Vec<i64>),
    /// The database has migrations that the binary does not know.
    Unknown(Vec<i64>),
    /// A pending migration is older than the newest applied one.
    OutOfOrder(Vec<i64>),
}

impl Plan {
    pub(super) fn new(migrations: &[Migration], records: &[Record]) -> Self {
        let mut plan = Self { newest_applied: records.iter().map(|record| record.version).max(), ..Self::default() };
        for migration in migrations {
            match records.iter().find(|record| record.version == migration.version) {
                None => plan.pending.push(migration.clone()),
                Some(record) if !record.success => plan.failed.push(record.version),
                Some(record) if record.checksum != *migration.up.checksum => plan.edited.push(record.version),
                Some(_) => {}
            }
        }
        let known = |record: &&Record| migrations.iter().any(|migration| migration.version == record.version);
        plan.unknown.extend(records.iter().filter(|record| !known(record)).map(|record| record.version));
        plan
    }

    /// What has to be mended before anything can be applied in this profile; the worst first.
    #[must_use]
    pub fn problem(&self, profile: Profile) -> Option<Problem> {
        let late = || {
            self.pending
                .iter()
                .map(|migration| migration.version)
                .filter(|version| Some(*version) < self.newest_applied)
        };
        if !self.failed.is_empty() {
            Some(Problem::Failed(self.failed.clone()))
        } else if !self.edited.is_empty() {
            Some(Problem::Edited(self.edited.clone()))
        } else if !self.unknown.is_empty() {
            Some(Problem::Unknown(self.unknown.clone()))
        } else if profile == Profile::Prod && late().next().is_some() {
            Some(Problem::OutOfOrder(late().collect()))
        } else {
            None
        }
    }
}

impl Problem {
    /// What a command ends with because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::FailedMigration,
            Self::Edited(_) | Self::Unknown(_) | Self::OutOfOrder(_) => Exit::HistoryDiffers,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |versions: &[i64]| versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Failed(versions) => write!(
                formatter,
                "a migration failed half-way: {}. Nothing else was applied. Look at what it left in the database, then run `app migrate status`.",
                list(versions)
            ),
            Self::Edited(versions) => write!(
                formatter,
                "edited after it was applied: {}. Nothing was applied. Put the file back as it was, and make the change in a new migration.",
                list(versions)
            ),
            Self::Unknown(versions) => write!(
                formatter,
                "the database has migrations that this binary does not know: {}. Nothing was applied. Run the release that brought them, or a newer one.",
                list(versions)
            ),
            Self::OutOfOrder(versions) => write!(
                formatter,
                "older than what the database has already: {}. Nothing was applied. Give the files a new timestamp, after the newest.",
                list(versions)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::MigrationType;

    use super::*;

    fn migration(version: i64, sql: &'static str) -> Migration {
        let up =
            sqlx::migrate::Migration::new(version, "x".into(), MigrationType::ReversibleUp, sql.into_sql_str(), false);
        Migration { version, name: "x".to_owned(), up }
    }

    fn record(of: &Migration, success: bool) -> Record {
        Record {
            version: of.version,
            name: of.name.clone(),
            installed_on: chrono::DateTime::UNIX_EPOCH,
            success,
            checksum: of.up.checksum.to_vec(),
            took: None,
        }
    }

    #[test]
    fn what_is_not_on_record_is_pending() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = Plan::new(&there, &[record(&there[0], true)]);
        assert_eq!(plan.pending.iter().map(|migration| migration.version).collect::<Vec<_>>(), [2]);
        assert_eq!(plan.problem(Profile::Prod), None);
    }

    #[test]
    fn what_differs_is_named() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let edited = Plan::new(&[migration(1, "select 9")], &[record(&there[0], true)]);
        assert_eq!(edited.problem(Profile::Dev), Some(Problem::Edited(vec![1])));
        let ahead = Plan::new(&there[..1], &[record(&there[0], true), record(&there[1], true)]);
        assert_eq!(ahead.problem(Profile::Dev), Some(Problem::Unknown(vec![2])));
        let failed = Plan::new(&there, &[record(&there[0], false)]);
        assert_eq!(failed.problem(Profile::Dev), Some(Problem::Failed(vec![1])));
    }

    #[test]
    fn a_late_file_is_refused_in_prod_only() {
        let there = [migration(1, "select 1"), migration(2, "select 2")];
        let plan = Plan::new(&there, &[record(&there[1], true)]);
        assert_eq!(plan.problem(Profile::Dev), None);
        assert_eq!(plan.problem(Profile::Prod), Some(Problem::OutOfOrder(vec![1])));
    }
}
