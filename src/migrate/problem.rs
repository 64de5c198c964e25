//! What stands in the way of applying anything, and what to do about it.

use std::fmt;

use super::Exit;
use super::plan::{Blocked, Named, RunningMigration, Unknown};

/// Why the record stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Two files have one version.
    Duplicates(Vec<Named>),
    /// A migration failed half-way.
    Failed(Vec<Blocked>),
    /// A migration is being run at this moment.
    Running(Vec<RunningMigration>),
    /// An applied migration was edited.
    Edited(Vec<Named>),
    /// The database has migrations that the binary does not know.
    Unknown(Vec<Unknown>),
    /// A pending migration is older than the newest applied one.
    OutOfOrder(Vec<Named>),
    /// One that stands for several is there in part.
    InPart(Vec<Named>),
}

impl Problem {
    /// What a command ends with because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::FailedMigration,
            Self::Running(_) => Exit::LockTimeout,
            Self::Duplicates(_) | Self::Edited(_) | Self::Unknown(_) | Self::OutOfOrder(_) | Self::InPart(_) => {
                Exit::HistoryDiffers
            }
        }
    }

    /// In a word, for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Duplicates(_) => "duplicate_version",
            Self::Failed(_) => "failed_migration",
            Self::Running(_) => "running",
            Self::Edited(_) => "edited",
            Self::Unknown(_) => "unknown",
            Self::OutOfOrder(_) => "out_of_order",
            Self::InPart(_) => "squashed_in_part",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |list: &[Named]| {
            list.iter().map(|one| format!("{} {}", one.version, one.name)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Duplicates(files) => {
                let files: Vec<&str> = files.iter().map(|one| one.file.as_str()).collect();
                write!(
                    formatter,
                    "several files have one version: {}. Give one of them a timestamp of its own.",
                    files.join(", ")
                )
            }
            Self::Failed(blocked) => {
                for one in blocked {
                    write!(formatter, "a migration failed half-way: {} {}: {}. ", one.version, one.name, one.why)?;
                }
                let version = blocked.first().map_or(0, |one| one.version);
                write!(
                    formatter,
                    "Look at what it left, then run `app migrate resolve --rolled-back {version}` \
                     once nothing of it is left, or `app migrate resolve --applied {version}` once you have done the rest by hand."
                )
            }
            Self::Running(running) => {
                let running: Vec<String> = running.iter().map(ToString::to_string).collect();
                write!(formatter, "{}. Nothing has to be done: wait until it ends.", running.join("; "))
            }
            Self::Edited(files) => write!(
                formatter,
                "edited after it was applied: {}. Put the file back as it was and make the change in a \
                 new migration; or, if it builds the same schema as before, run `app migrate repair {}`.",
                named(files),
                files.first().map_or(0, |one| one.version)
            ),
            Self::Unknown(unknown) => {
                let some = |ahead: bool| {
                    let list: Vec<String> = unknown
                        .iter()
                        .filter(|one| one.ahead == ahead)
                        .map(|one| format!("{} {}", one.version, one.name))
                        .collect();
                    (!list.is_empty()).then(|| list.join(", "))
                };
                if let Some(ahead) = some(true) {
                    write!(
                        formatter,
                        "the database has migrations that this binary does not know: {ahead}. Run the \
                         release that brought them, or a newer one."
                    )?;
                }
                if let Some(missing) = some(false) {
                    let space = if some(true).is_some() { " " } else { "" };
                    write!(
                        formatter,
                        "{space}the file of an applied migration is gone: {missing}. Put the file back."
                    )?;
                }
                Ok(())
            }
            Self::InPart(files) => write!(
                formatter,
                "the database has some of the migrations that this stands for, and not all: {}. Apply the \
                 others first, with the release before they were squashed.",
                named(files)
            ),
            Self::OutOfOrder(files) => write!(
                formatter,
                "older than what the database has already: {}. Give the file a new timestamp with `app \
                 migrate rebase {}`, or apply it as it is with `app migrate deploy --allow-out-of-order`.",
                named(files),
                files.first().map_or(0, |one| one.version)
            ),
        }
    }
}
