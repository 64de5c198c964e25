//! Memory budgets for data that clients make the server hold, with a limit per client.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate_limit::Caller;
use super::shares::{Share, Shares};

/// The part of a budget that a single client may hold, as a divisor.
const CLIENT_DIVISOR: usize = 6;

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    all: Arc<Semaphore>,
    per_client: Arc<Shares<Caller>>,
}

/// Bytes taken from a budget; dropping them returns them.
#[derive(Debug)]
pub(super) struct MemoryShare {
    global: OwnedSemaphorePermit,
    own: Share<Caller>,
}

impl MemoryBudget {
    /// Creates a budget of `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(bytes)), per_client: Shares::new(bytes / CLIENT_DIVISOR) }
    }

    /// Takes bytes for a client; `None` if the client, or all clients together, would hold too many.
    pub(super) fn take(&self, client: Caller, bytes: usize) -> Option<MemoryShare> {
        let own = self.per_client.try_take(client, bytes)?;
        let global = Arc::clone(&self.all).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()?;
        Some(MemoryShare { global, own })
    }

    /// Takes more bytes. Returns false if the client, or all clients together, would hold too many.
    pub(super) fn grow(&self, held: &mut MemoryShare, bytes: usize) -> bool {
        let more = u32::try_from(bytes).ok();
        let Some(more) = more.and_then(|bytes| Arc::clone(&self.all).try_acquire_many_owned(bytes).ok()) else {
            return false;
        };
        let granted = held.own.grow(bytes);
        if granted {
            held.global.merge(more);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_use_up_the_budget_of_all() {
        let memory = MemoryBudget::new(600);
        let [first, second] = [Caller::Account(1), Caller::Account(2)];
        assert!(memory.take(first, 101).is_none());
        let mut held = memory.take(first, 60).expect("within its part");
        assert!(!memory.grow(&mut held, 41));
        assert!(memory.grow(&mut held, 40));
        assert!(memory.take(first, 1).is_none());
        assert!(memory.take(second, 100).is_some());
        drop(held);
        assert!(memory.take(first, 100).is_some());
        assert_eq!(memory.all.available_permits(), 600);
    }
}
