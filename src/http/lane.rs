//! Work that costs much: it takes its turn before it takes a connection.
//!
//! A change of many rows holds a connection, and locks, for as long as it takes. So it runs on connections of its own; each
//! user has one such change under way at a time, and whoever comes next waits in line without holding anything. While a
//! user's own change of many rows goes on, the user's other changes pass one at a time: they may have to wait for its locks,
//! and would else take all connections for that.
//!
//! The turns are those of one process. What a user does on several replicas at once waits for locks in the database, there
//! on the connections for such work, too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::shares::{Share, Shares};
use crate::db::pool::{Lease, Pools};

/// Pieces of work of one kind that one user may have waiting.
const MAX_WAITING: usize = 31;

/// The lines of all users who have something in them.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pools: Pools,
    /// One piece of work in each line of each user.
    lines: Arc<Shares<(i64, Line)>>,
    /// As many pieces of work as there are connections for it.
    all: Arc<Semaphore>,
    /// One less, where there is more than one: reading, which is short, does not wait for changes.
    changes: Arc<Semaphore>,
    /// How long work waits in line.
    patience: Duration,
}

/// The lines that a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    /// Changes of many rows.
    Changes,
    /// Reading that counts many rows.
    Reads,
    /// Other changes beside a change of many rows.
    Beside,
}

/// A turn, which ends by dropping it.
#[derive(Debug)]
pub struct Turn {
    // In this order: the user's next piece of work finds a place among everybody's.
    _everybodys: Vec<OwnedSemaphorePermit>,
    _own: Share<(i64, Line)>,
}

impl Lanes {
    /// Lanes to the connections for such work. `patience` is how long work waits in line before it is refused.
    #[must_use]
    pub fn new(pools: Pools, patience: Duration) -> Self {
        let size = pools.costly.max_size();
        Self(Arc::new(Inner {
            pools,
            lines: Shares::with_queue(1, MAX_WAITING),
            all: Arc::new(Semaphore::new(size)),
            changes: Arc::new(Semaphore::new(size.saturating_sub(1).max(1))),
            patience,
        }))
    }

    /// Waits for the user's turn to change many rows. The connection has to be given back before the turn ends.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`] if work of the user is in the way for too long, or too much of it is in line;
    /// [`ApiError::Unavailable`] if everybody's is.
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
        if self.0.lines.held(&(user_id, Line::Changes)) == 0 {
            return Ok(None);
        }
        let own = self.own(user_id, Line::Beside).await?;
        Ok(Some(Turn { _everybodys: Vec::new(), _own: own }))
    }

    /// Tells if nobody is in any line, and so nothing of anybody is remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.lines.is_empty()
    }

    async fn turn(&self, user_id: i64, line: Line, everybodys: &[&Arc<Semaphore>]) -> Result<(Turn, Lease), ApiError> {
        // First the user's own line, so that a user has one place at most in everybody's, and all take turns.
        let own = self.own(user_id, line).await?;
        let mut permits = Vec::with_capacity(everybodys.len());
        for everybodys in everybodys {
            let permit = tokio::time::timeout(self.0.patience, Arc::clone(everybodys).acquire_owned()).await;
            permits.push(permit.ok().and_then(Result::ok).ok_or_else(ApiError::overloaded)?);
        }
        let lease = self.0.pools.costly.acquire().await?;
        Ok((Turn { _everybodys: permits, _own: own }, lease))
    }

    async fn own(&self, user_id: i64, line: Line) -> Result<Share<(i64, Line)>, ApiError> {
        self.0.lines.take((user_id, line), self.0.patience).await.ok_or_else(busy_with_own)
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
