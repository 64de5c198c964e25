//! Work that costs much: it takes its turn before it takes a connection.
//!
//! A change of many rows holds a connection, and locks, for as long as it takes. So it runs on connections of its own; each
//! user has one such change under way at a time, and whoever comes next waits in line without holding anything. While a
//! user's own change of many rows goes on, the user's other changes pass one at a time: they may have to wait for its locks,
//! and would else take all connections for that.
//!
//! The turns are those of one process. What a user does on several replicas at once waits for locks in the database, there
//! on the connections for such work, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use crate::db::pool::{Lease, Pools};

/// Pieces of work of one kind that one user may have in line, the one under way included.
const MAX_IN_LINE: usize = 32;

/// The lines of all users who have something in them.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pools: Pools,
    /// The line of each user who is in one; forgotten with the last piece of work.
    users: Mutex<HashMap<i64, User>>,
    /// As many pieces of work as there are connections for it.
    all: Arc<Semaphore>,
    /// One less, where there is more than one: reading, which is short, does not wait for changes.
    changes: Arc<Semaphore>,
    /// How long work waits in line.
    patience: Duration,
}

/// The lines of one user.
#[derive(Debug, Clone)]
struct User {
    lines: [Arc<Semaphore>; 3],
    /// Pieces of work in each line.
    waiting: [usize; 3],
}

/// The lines that a user has.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// Changes of many rows.
    Changes,
    /// Reading that counts many rows.
    Reads,
    /// Other changes beside a change of many rows.
    Beside,
}

/// A place in a line of a user; given up by dropping it.
#[derive(Debug)]
struct Place {
    lanes: Lanes,
    user_id: i64,
    line: Line,
}

/// A turn, which ends by dropping it.
#[derive(Debug)]
pub struct Turn {
    // In this order: whoever is next of the same user does not find the line full.
    _permits: Vec<OwnedSemaphorePermit>,
    _place: Place,
}

impl Lanes {
    /// Lanes to the connections for such work. `patience` is how long work waits in line before it is refused.
    #[must_use]
    pub fn new(pools: Pools, patience: Duration) -> Self {
        let size = pools.costly.max_size();
        Self(Arc::new(Inner {
            pools,
            users: Mutex::default(),
            all: Arc::new(Semaphore::new(size)),
            changes: Arc::new(Semaphore::new(size.saturating_sub(1).max(1))),
            patience,
        }))
    }

    /// Waits for the user's turn to change many rows. The connection has to be given back before the turn ends.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`] if work of the user is in the way for too long, or too much of it is in line;
    /// [`ApiError::Unavailable`] if everybody's is; the database's.
    pub async fn change(&self, user_id: i64) -> Result<(Turn, Lease), ApiError> {
        self.turn(user_id, Line::Changes, &[&self.0.changes, &self.0.all]).await
    }

    /// Waits for the user's turn to read what costs much.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub async fn read(&self, user_id: i64) -> Result<(Turn, Lease), ApiError> {
        self.turn(user_id, Line::Reads, &[&self.0.all]).await
    }

    /// A turn to change a few rows: at once, unless a change of many rows of the same user is under way.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub async fn change_few(&self, user_id: i64) -> Result<Option<Turn>, ApiError> {
        let busy = self.users().get(&user_id).is_some_and(|user| user.waiting[Line::Changes as usize] > 0);
        if !busy {
            return Ok(None);
        }
        let (place, line) = self.place(user_id, Line::Beside)?;
        let own = self.wait(line).await.ok_or_else(busy_with_own)?;
        Ok(Some(Turn { _permits: vec![own], _place: place }))
    }

    /// Whether nobody is in any line, and so nothing of anybody is remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.users().is_empty()
    }

    async fn turn(&self, user_id: i64, line: Line, everybodys: &[&Arc<Semaphore>]) -> Result<(Turn, Lease), ApiError> {
        let (place, line) = self.place(user_id, line)?;
        // First the user's own line, so that a user has one place at most in everybody's, and all take turns.
        let mut permits = vec![self.wait(line).await.ok_or_else(busy_with_own)?];
        for everybodys in everybodys {
            permits.push(self.wait(Arc::clone(everybodys)).await.ok_or_else(ApiError::overloaded)?);
        }
        let lease = self.0.pools.costly.acquire().await?;
        Ok((Turn { _permits: permits, _place: place }, lease))
    }

    async fn wait(&self, line: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(self.0.patience, line.acquire_owned()).await.ok()?.ok()
    }

    fn place(&self, user_id: i64, line: Line) -> Result<(Place, Arc<Semaphore>), ApiError> {
        let mut users = self.users();
        let user = users.entry(user_id).or_insert_with(User::new);
        let waiting = &mut user.waiting[line as usize];
        if *waiting >= MAX_IN_LINE {
            return Err(busy_with_own());
        }
        *waiting += 1;
        let semaphore = Arc::clone(&user.lines[line as usize]);
        drop(users);
        Ok((Place { lanes: self.clone(), user_id, line }, semaphore))
    }

    fn users(&self) -> std::sync::MutexGuard<'_, HashMap<i64, User>> {
        self.0.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    fn new() -> Self {
        Self { lines: std::array::from_fn(|_| Arc::new(Semaphore::new(1))), waiting: [0; 3] }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.lanes.users();
        if let Some(user) = users.get_mut(&self.user_id) {
            user.waiting[self.line as usize] -= 1;
            if user.waiting == [0; 3] {
                users.remove(&self.user_id);
            }
        }
    }
}

fn busy_with_own() -> ApiError {
    ApiError::TooMuchWork {
        retry_after: Some(Duration::from_secs(5)),
        message: "Other changes of many rows of this account are under way, and nothing was changed; \
            try again when they are done"
            .to_owned(),
    }
}
