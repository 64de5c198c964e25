//! What a command tells while it works.

use std::time::Duration;

use super::blockers::Blocker;

/// What a command tells while it works.
#[derive(Debug, Clone)]
pub enum Event {
    /// A migration begins.
    Begins {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// It is being taken back, not applied.
        reverting: bool,
    },
    /// One is taking its time.
    Goes {
        /// Its version.
        version: i64,
        /// The statement that runs, of how many.
        statement: (usize, usize),
        /// How long this statement has been at it.
        since: Duration,
        /// The sessions that it waits for.
        blockers: Vec<Blocker>,
    },
    /// One did not get a lock in time; it was rolled back, and is tried again.
    WaitsForLock {
        /// Its version.
        version: i64,
        /// How often it was tried, of how many.
        tries: (u32, u32),
        /// In how long it is tried again.
        again_in: Duration,
        /// The sessions that it waited for.
        blockers: Vec<Blocker>,
    },
    /// One is done.
    Done(Deployed),
    /// Something to know.
    Notice(String),
}

/// A migration that was applied, or taken back, just now.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}
