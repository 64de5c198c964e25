//! A budget of the bytes that clients can make the server hold, and what one of them may have of it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate_limit::Caller;
use super::shares::{Share, Shares};

/// One client may hold a part of the budget, so that it is used up by many or not at all.
const PART_OF_ONE: usize = 6;

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct Memory {
    all: Arc<Semaphore>,
    each: Arc<Shares<Caller>>,
}

/// Bytes of a budget that are held; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    of_all: OwnedSemaphorePermit,
    of_client: Share<Caller>,
}

impl Memory {
    /// A budget of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(bytes)), each: Shares::new(bytes / PART_OF_ONE) }
    }

    /// Takes bytes for a client; `None` where it, or all of them together, hold too many.
    pub(super) fn take(&self, client: Caller, bytes: usize) -> Option<Held> {
        let of_client = self.each.try_take(client, bytes)?;
        let of_all = Arc::clone(&self.all).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()?;
        Some(Held { of_all, of_client })
    }

    /// Takes more bytes for what is held already.
    pub(super) fn grow(&self, held: &mut Held, bytes: usize) -> bool {
        let more = u32::try_from(bytes).ok();
        let Some(more) = more.and_then(|bytes| Arc::clone(&self.all).try_acquire_many_owned(bytes).ok()) else {
            return false;
        };
        let granted = held.of_client.grow(bytes);
        if granted {
            held.of_all.merge(more);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_use_up_the_budget_of_all() {
        let memory = Memory::new(600);
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
