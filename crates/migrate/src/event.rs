//! Progress reports of a running command.

use std::time::Duration;

use crate::waiting::Blocker;

/// A progress report of a running command.
#[derive(Debug, Clone)]
pub enum MigrateEvent {
    /// A migration was started.
    Started {
        /// The version.
        version: i64,
        /// The name.
        name: String,
        /// True if it is being rolled back, and not applied.
        reverting: bool,
    },
    /// A statement has been running for a while.
    Running {
        /// The version.
        version: i64,
        /// The number of the statement, from 1, and the number of all statements.
        statement: (usize, usize),
        /// The time that it has been running.
        elapsed: Duration,
        /// The sessions that it waits for.
        blockers: Vec<Blocker>,
    },
    /// A lock was not acquired in time. The migration was rolled back, and is tried again.
    Retrying {
        /// The version.
        version: i64,
        /// The number of the attempt, from 1, and the number of all attempts.
        attempt: (u32, u32),
        /// The pause before the next attempt.
        pause: Duration,
        /// The sessions that it waited for.
        blockers: Vec<Blocker>,
    },
    /// A migration was completed.
    Finished(CompletedMigration),
    /// Something that a person should know.
    Notice(String),
}

/// A migration that this command applied or rolled back.
#[derive(Debug, Clone)]
pub struct CompletedMigration {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The time that it took.
    pub took: Duration,
}
