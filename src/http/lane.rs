//! Queues for expensive work, which waits for its turn before it takes a database connection.
//!
//! A bulk change holds a connection and locks for as long as it runs. It runs on connections of its own. A user has one
//! bulk change in progress at a time; the next ones wait in a queue without holding anything. While it runs, other
//! changes of the same user run one at a time, because they may have to wait for its locks and would otherwise occupy
//! all connections.
//!
//! The queues are local to a process. Concurrent work of a user on several replicas waits for locks in the database
//! instead, also on the connections for expensive work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::shares::{Share, Shares};
use crate::db::pool::{Lease, Pools};

/// The maximum length of a user's queue.
const MAX_WAITING: usize = 31;

/// The queues of all users with work in them.
#[derive(Debug, Clone)]
pub struct WorkLanes(Arc<LaneState>);

#[derive(Debug)]
struct LaneState {
    pools: Pools,
    /// One piece of work per user and kind.
    lines: Arc<Shares<(i64, LaneKind)>>,
    /// One permit per connection for expensive work.
    all: Arc<Semaphore>,
    /// One permit less, if there is more than one connection, so that expensive reads, which are short, do not wait for
    /// changes.
    changes: Arc<Semaphore>,
    /// The maximum time that work waits in a queue.
    patience: Duration,
}

/// The queues of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LaneKind {
    /// Bulk changes.
    Changes,
    /// Reads that count many rows.
    Reads,
    /// Other changes during a bulk change.
    SmallChanges,
}

/// A turn; dropping it ends it.
#[derive(Debug)]
pub struct Turn {
    // The order matters: the global permits are released before the user's next piece of work starts to wait for them.
    _global: Vec<OwnedSemaphorePermit>,
    _own: Share<(i64, LaneKind)>,
}

impl WorkLanes {
    /// Creates queues for the connections of expensive work. Work that waits longer than `patience` is refused.
    #[must_use]
    pub fn new(pools: Pools, patience: Duration) -> Self {
        let size = pools.costly.max_size();
        Self(Arc::new(LaneState {
            pools,
            lines: Shares::with_queue(1, MAX_WAITING),
            all: Arc::new(Semaphore::new(size)),
            changes: Arc::new(Semaphore::new(size.saturating_sub(1).max(1))),
            patience,
        }))
    }

    /// Waits for the user's turn to run a bulk change. Return the connection before the turn ends.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`] if the user's queue is too long or too slow; [`ApiError::Unavailable`] if all
    /// connections stay busy for too long, or the database is not available.
    pub async fn change(&self, user_id: i64) -> Result<(Turn, Lease), ApiError> {
        self.turn(user_id, LaneKind::Changes, &[&self.0.changes, &self.0.all]).await
    }

    /// Waits for the user's turn to run an expensive read.
    ///
    /// # Errors
    /// The same errors as [`Self::change`].
    pub async fn read(&self, user_id: i64) -> Result<(Turn, Lease), ApiError> {
        self.turn(user_id, LaneKind::Reads, &[&self.0.all]).await
    }

    /// A turn for a small change: immediately, unless a bulk change of the same user is in progress.
    ///
    /// # Errors
    /// The same errors as [`Self::change`].
    pub async fn change_few(&self, user_id: i64) -> Result<Option<Turn>, ApiError> {
        if self.0.lines.held(&(user_id, LaneKind::Changes)) == 0 {
            return Ok(None);
        }
        let own = self.own(user_id, LaneKind::SmallChanges).await?;
        Ok(Some(Turn { _global: Vec::new(), _own: own }))
    }

    /// Returns true if all queues are empty, and so no user is remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.lines.is_empty()
    }

    async fn turn(
        &self,
        user_id: i64,
        line: LaneKind,
        semaphores: &[&Arc<Semaphore>],
    ) -> Result<(Turn, Lease), ApiError> {
        // The user's own queue comes first, so that a user has at most one place in the global queue.
        let own = self.own(user_id, line).await?;
        let mut permits = Vec::with_capacity(semaphores.len());
        for semaphore in semaphores {
            let permit = tokio::time::timeout(self.0.patience, Arc::clone(semaphore).acquire_owned()).await;
            permits.push(permit.ok().and_then(Result::ok).ok_or_else(ApiError::overloaded)?);
        }
        let lease = self.0.pools.costly.acquire().await?;
        Ok((Turn { _global: permits, _own: own }, lease))
    }

    async fn own(&self, user_id: i64, line: LaneKind) -> Result<Share<(i64, LaneKind)>, ApiError> {
        self.0.lines.take((user_id, line), self.0.patience).await.ok_or_else(busy_with_own_work)
    }
}

fn busy_with_own_work() -> ApiError {
    ApiError::TooMuchWork {
        retry_after: Some(Duration::from_secs(5)),
        message: "Other changes of many rows of this account are under way, and nothing was changed; \
            try again when they are done"
            .to_owned(),
    }
}
