//! Lanes: how many pieces of costly work one account has under way at once.
//!
//! Whoever waits for a lane holds no connection of the database, so that one account's wait is nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// The lanes of all accounts of this process.
#[derive(Debug, Clone)]
pub struct Lanes {
    accounts: Arc<Mutex<HashMap<i64, Arc<Semaphore>>>>,
    width: usize,
    patience: Duration,
}

/// A place in an account's lane, until it is dropped.
#[derive(Debug)]
pub struct Pass {
    lanes: Lanes,
    user_id: i64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    /// Lanes for `width` pieces of work of each account. Whoever waits longer than `patience` is turned away.
    #[must_use]
    pub fn new(width: usize, patience: Duration) -> Self {
        Self { accounts: Arc::default(), width, patience }
    }

    /// Waits for a place in an account's lane.
    ///
    /// # Errors
    /// [`ApiError::TooManyRequests`] if none comes free in time.
    pub async fn enter(&self, user_id: i64) -> Result<Pass, ApiError> {
        let lane = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(user_id).or_insert_with(|| Arc::new(Semaphore::new(self.width))))
        };
        // Made before the wait, so that an account that gives up waiting is forgotten, too.
        let mut pass = Pass { lanes: self.clone(), user_id, permit: None };
        pass.permit = match tokio::time::timeout(self.patience, lane.acquire_owned()).await {
            Ok(Ok(permit)) => Some(permit),
            _ => return Err(ApiError::TooManyRequests { retry_after: self.patience }),
        };
        Ok(pass)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut accounts = self.lanes.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        // Everybody who waits or is under way holds the lane as well.
        if accounts.get(&self.user_id).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            accounts.remove(&self.user_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_waits_for_itself_alone_and_is_forgotten_afterwards() {
        let lanes = Lanes::new(2, Duration::from_millis(20));
        let passes = (lanes.enter(1).await.expect("a place"), lanes.enter(1).await.expect("a place"));
        assert!(matches!(lanes.enter(1).await, Err(ApiError::TooManyRequests { .. })));
        let other = lanes.enter(2).await.expect("a lane of its own");
        let waiting = tokio::spawn({
            let lanes = Lanes { patience: Duration::from_secs(60), ..lanes.clone() };
            async move { lanes.enter(1).await }
        });
        drop(passes);
        let last = waiting.await.expect("joined").expect("a place that came free");
        drop((other, last));
        assert!(lanes.accounts.lock().expect("unharmed").is_empty());
    }
}
