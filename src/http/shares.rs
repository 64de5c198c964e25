//! What one client may hold of something that all of them share: requests under way, bytes of memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of units that each key may hold at once. Nothing is kept of a key that holds none.
#[derive(Debug)]
pub(crate) struct Shares<K: Eq + Hash> {
    each: usize,
    keys: Mutex<HashMap<K, Arc<Semaphore>>>,
}

/// Units that are held; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash + Clone> {
    // Dropped before the key is looked at.
    permit: Option<OwnedSemaphorePermit>,
    semaphore: Arc<Semaphore>,
    key: K,
    of: Arc<Shares<K>>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Shares of `each` units a key.
    pub(crate) fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each: each.min(Semaphore::MAX_PERMITS), keys: Mutex::new(HashMap::new()) })
    }

    /// Takes units for a key, if it has so many left.
    pub(crate) fn try_take(self: &Arc<Self>, key: K, units: usize) -> Option<Share<K>> {
        let mut share = self.share(key);
        let permit = Arc::clone(&share.semaphore).try_acquire_many_owned(u32::try_from(units).ok()?);
        share.permit = Some(permit.ok()?);
        Some(share)
    }

    /// Takes one unit for a key; waits for it in the order in which it was asked for, `patience` at most.
    pub(crate) async fn take(self: &Arc<Self>, key: K, patience: Duration) -> Option<Share<K>> {
        let mut share = self.share(key);
        let waiting = Arc::clone(&share.semaphore);
        // Nearly always there is one, and then no timer is needed.
        share.permit = match Arc::clone(&waiting).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => Some(tokio::time::timeout(patience, waiting.acquire_owned()).await.ok()?.ok()?),
        };
        Some(share)
    }

    fn share(self: &Arc<Self>, key: K) -> Share<K> {
        let semaphore =
            Arc::clone(self.lock().entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))));
        Share { permit: None, semaphore, key, of: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        // Nothing panics while it is held, and a map is whole all the same.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Share<K> {
    /// The key that holds them.
    pub(crate) const fn key(&self) -> &K {
        &self.key
    }

    /// Adds units to those held, if the key has so many left.
    pub(crate) fn grow(&mut self, units: usize) -> bool {
        let more = u32::try_from(units).ok();
        let more = more.and_then(|units| Arc::clone(&self.semaphore).try_acquire_many_owned(units).ok());
        match (more, &mut self.permit) {
            (None, _) => false,
            (Some(more), Some(permit)) => {
                permit.merge(more);
                true
            }
            (more, none) => {
                *none = more;
                true
            }
        }
    }
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut keys = self.of.lock();
        // The map's and this one: nobody else holds or waits for a unit of this key.
        if Arc::strong_count(&self.semaphore) == 2 {
            keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_holds_no_more_than_its_share_and_the_others_have_theirs() {
        let shares = Shares::new(2);
        let mut first = shares.try_take(1, 1).expect("a unit");
        assert!(first.grow(1));
        assert!(!first.grow(1));
        assert!(shares.try_take(1, 1).is_none());
        assert!(shares.take(1, Duration::from_millis(1)).await.is_none());
        assert!(shares.try_take(2, 2).is_some());
        let waiting = shares.take(1, Duration::from_mins(1));
        drop(first);
        assert!(waiting.await.is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_key_that_holds_nothing() {
        let shares = Shares::new(1);
        let held = shares.try_take(1, 1);
        assert!(shares.try_take(1, 1).is_none());
        assert_eq!(shares.lock().len(), 1);
        drop(held);
        assert_eq!(shares.lock().len(), 0);
    }
}
