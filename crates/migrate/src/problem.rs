//! Reasons why a history does not allow anything to be applied, and what to do about each.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::exit::Exit;
use crate::program::ProgramNames;

/// A reason why a history does not allow anything to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryProblem {
    /// Two files have the same version.
    Duplicates(Vec<MigrationRef>),
    /// A migration failed half-way.
    Failed(Vec<BlockedMigration>),
    /// A migration is running.
    Running(Vec<RunningMigration>),
    /// An applied migration was edited.
    Edited(Vec<MigrationRef>),
    /// The database has migrations that the program does not know.
    Unknown(Vec<UnknownMigration>),
    /// A pending migration is older than the newest applied one.
    OutOfOrder(Vec<MigrationRef>),
    /// The database has some, but not all, of the migrations that a squashed file replaces.
    PartlySquashed(Vec<MigrationRef>),
}

/// A migration, by version, name and file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationRef {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The file that applies it.
    pub file: String,
}

/// A migration that is on record and has no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// True if it is newer than all files: the database is ahead. Otherwise its file is missing.
    pub ahead: bool,
    /// The state: [`MigrationState::Ahead`] or [`MigrationState::Missing`] if it is applied.
    pub state: MigrationState,
}

/// A migration that blocks the others until somebody resolves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The progress that it made, and the error.
    pub why: String,
}

/// A migration that is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// True if it is being rolled back.
    pub is_reverted: bool,
    /// True if its file exists. A migration without one belongs to a newer release.
    pub is_known: bool,
    /// True if it is on record as applied. That stays so until the transaction that rolls it back ends.
    pub is_applied: bool,
    /// The start of the attempt.
    pub since: DateTime<Utc>,
    /// The role that runs it.
    pub role: String,
}

/// The state of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// Applied.
    Applied,
    /// Applied, and only comments or white space of its file were changed since.
    Cosmetic,
    /// Applied, and its file was changed since.
    Edited,
    /// Applied, and its file is missing.
    Missing,
    /// Applied, and newer than all files.
    Ahead,
    /// Not applied yet.
    Pending,
    /// Not applied, and its file has no statements yet.
    Empty,
    /// Running.
    Running,
    /// Failed and rolled back; the next deploy tries it again.
    Failed,
    /// Its process ended before it did.
    Interrupted,
    /// Failed half-way; a part of it is in the database.
    Partial,
}

impl MigrationState {
    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied | Self::Cosmetic => "applied",
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::Pending => "pending",
            Self::Empty => "empty",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Partial => "partial",
        }
    }
}

impl fmt::Display for RunningMigration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_reverted { "rolled back" } else { "applied" };
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(formatter, "{} {} is being {verb} since {since} by the role {}", self.version, self.name, self.role)
    }
}

impl HistoryProblem {
    /// The exit code of a command that stops because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::FailedMigration,
            Self::Running(_) => Exit::LockTimeout,
            Self::Duplicates(_)
            | Self::Edited(_)
            | Self::Unknown(_)
            | Self::OutOfOrder(_)
            | Self::PartlySquashed(_) => Exit::HistoryDiffers,
        }
    }

    /// The error code for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Duplicates(_) => "duplicate_version",
            Self::Failed(_) => "failed_migration",
            Self::Running(_) => "running",
            Self::Edited(_) => "edited",
            Self::Unknown(_) => "unknown",
            Self::OutOfOrder(_) => "out_of_order",
            Self::PartlySquashed(_) => "squashed_in_part",
        }
    }

    /// The reason and the next step, for a person.
    #[must_use]
    pub fn describe(&self, names: &ProgramNames) -> String {
        match self {
            Self::Duplicates(files) => {
                let files: Vec<&str> = files.iter().map(|one| one.file.as_str()).collect();
                format!(
                    "several files have the same version: {}. Give one of them another timestamp.",
                    files.join(", ")
                )
            }
            Self::Failed(blocked) => describe_failed(blocked, names),
            Self::Running(running) => {
                let running: Vec<String> = running.iter().map(ToString::to_string).collect();
                format!("{}. Nothing has to be done: wait until it ends.", running.join("; "))
            }
            Self::Edited(files) => format!(
                "edited after it was applied: {}. Restore the file and make the change in a new migration; or, if it builds \
                 the same schema as before, run `{}`.",
                listed(files),
                names.migrate(&format!("repair {}", first_version(files)))
            ),
            Self::Unknown(unknown) => describe_unknown(unknown),
            Self::PartlySquashed(files) => format!(
                "the database has some of the migrations that this file replaces, but not all: {}. Apply the others first, \
                 with the last release before they were squashed.",
                listed(files)
            ),
            Self::OutOfOrder(files) => format!(
                "older than the newest applied migration: {}. Give the file a new timestamp with `{}`, or apply it as it is \
                 with `{}`.",
                listed(files),
                names.migrate(&format!("rebase {}", first_version(files))),
                names.migrate("deploy --allow-out-of-order")
            ),
        }
    }
}

fn listed(files: &[MigrationRef]) -> String {
    files.iter().map(|one| format!("{} {}", one.version, one.name)).collect::<Vec<_>>().join(", ")
}

fn first_version(files: &[MigrationRef]) -> i64 {
    files.first().map_or(0, |one| one.version)
}

fn describe_failed(blocked: &[BlockedMigration], names: &ProgramNames) -> String {
    let mut text: String = blocked
        .iter()
        .map(|one| format!("a migration failed half-way: {} {}: {}. ", one.version, one.name, one.why))
        .collect();
    let version = blocked.first().map_or(0, |one| one.version);
    text += &format!(
        "Look at what it left, then run `{}` once nothing of it is left, or `{}` once you have completed it by hand.",
        names.migrate(&format!("resolve --rolled-back {version}")),
        names.migrate(&format!("resolve --applied {version}"))
    );
    text
}

fn describe_unknown(unknown: &[UnknownMigration]) -> String {
    let listed = |ahead: bool| {
        let list: Vec<String> = unknown
            .iter()
            .filter(|one| one.ahead == ahead)
            .map(|one| format!("{} {}", one.version, one.name))
            .collect();
        (!list.is_empty()).then(|| list.join(", "))
    };
    let ahead = listed(true).map(|ahead| {
        format!(
            "the database has migrations that this binary does not know: {ahead}. Run the release that brought them, or a \
             newer one."
        )
    });
    let missing = listed(false)
        .map(|missing| format!("the file of an applied migration is missing: {missing}. Restore the file."));
    ahead.into_iter().chain(missing).collect::<Vec<_>>().join(" ")
}
