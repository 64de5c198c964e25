//! Limits per client on a shared resource, such as requests in progress or bytes of memory.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// A number of units that each key may hold at the same time. Keys without units take no memory.
#[derive(Debug)]
pub(crate) struct Shares<K: Eq + Hash + Clone> {
    limit: usize,
    max_waiting: usize,
    keys: Mutex<UsageByKey<K>>,
}

type UsageByKey<K> = HashMap<K, KeyUsage<K>>;

/// The units of a key, at least one. Requests wait only while the key holds its maximum.
#[derive(Debug)]
struct KeyUsage<K: Eq + Hash + Clone> {
    held: usize,
    waiting: VecDeque<oneshot::Sender<Share<K>>>,
}

/// Units held by a key; dropping them returns them.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash + Clone> {
    units: usize,
    key: K,
    shares: Arc<Shares<K>>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Creates shares of `limit` units per key, at least one.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Self::with_queue(limit, usize::MAX)
    }

    /// Like [`Self::new`], with a limit on the number of requests that wait per key.
    pub(crate) fn with_queue(limit: usize, max_waiting: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), max_waiting, keys: Mutex::default() })
    }

    /// Takes units for a key, if they are available.
    pub(crate) fn try_take(self: &Arc<Self>, key: K, units: usize) -> Option<Share<K>> {
        let taken = self.add(&mut self.lock(), &key, units);
        taken.then(|| self.share(key, units))
    }

    /// Takes one unit for a key. Waits up to `patience`, in the order of calls. Returns `None` if no unit became
    /// available, or too many requests wait already.
    pub(crate) async fn take(self: &Arc<Self>, key: K, patience: Duration) -> Option<Share<K>> {
        let granted = {
            let mut keys = self.lock();
            // In the common case a unit is available, and neither a queue nor a timer is needed.
            if self.add(&mut keys, &key, 1) {
                drop(keys);
                return Some(self.share(key, 1));
            }
            let (sender, granted) = oneshot::channel();
            let waiting = &mut keys.get_mut(&key)?.waiting;
            // Requests that gave up are at the front. Without this they would stay until a unit is returned.
            while waiting.front().is_some_and(oneshot::Sender::is_closed) {
                waiting.pop_front();
            }
            if waiting.len() >= self.max_waiting {
                return None;
            }
            waiting.push_back(sender);
            granted
        };
        tokio::time::timeout(patience, granted).await.ok()?.ok()
    }

    /// The number of units that a key holds.
    pub(crate) fn held(&self, key: &K) -> usize {
        self.lock().get(key).map_or(0, |holder| holder.held)
    }

    /// Returns true if no key holds any unit.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Adds units to a key, if they are available.
    fn add(&self, keys: &mut UsageByKey<K>, key: &K, units: usize) -> bool {
        let Some(holder) = keys.get_mut(key) else {
            if units > 0 && units <= self.limit {
                keys.insert(key.clone(), KeyUsage { held: units, waiting: VecDeque::new() });
            }
            return units <= self.limit;
        };
        let free = units <= self.limit - holder.held;
        if free {
            holder.held += units;
        }
        free
    }

    fn share(self: &Arc<Self>, key: K, units: usize) -> Share<K> {
        Share { units, key, shares: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, UsageByKey<K>> {
        // No code panics while it holds the lock, and the map would still be consistent.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Share<K> {
    /// The key that holds the units.
    pub(crate) const fn key(&self) -> &K {
        &self.key
    }

    /// Adds units to the share, if they are available.
    pub(crate) fn grow(&mut self, units: usize) -> bool {
        let more = self.shares.add(&mut self.shares.lock(), &self.key, units);
        if more {
            self.units += units;
        }
        more
    }
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    /// Passes the units on to waiting requests.
    fn drop(&mut self) {
        if self.units == 0 {
            return;
        }
        let mut keys = self.shares.lock();
        let Some(holder) = keys.get_mut(&self.key) else { return };
        while self.units > 0
            && let Some(next) = holder.waiting.pop_front()
        {
            match next.send(self.shares.share(self.key.clone(), 1)) {
                Ok(()) => self.units -= 1,
                // The request gave up, so its unit is still here.
                Err(mut refused) => refused.units = 0,
            }
        }
        holder.held -= self.units;
        if holder.held == 0 {
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

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_is_passed_over_and_who_waits_has_a_turn() {
        let shares = Shares::new(1);
        let patience = Duration::from_secs(10);
        let mut held = shares.try_take(1, 1).expect("a unit");
        for _ in 0..100 {
            assert!(shares.take(1, patience).await.is_none());
        }
        assert!(shares.lock()[&1].waiting.len() <= 1, "they are forgotten");
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                tokio::spawn({
                    let shares = Arc::clone(&shares);
                    async move { shares.take(1, patience).await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        // The first is gone, the second has the unit and never looks, the third has it then.
        waiting[0].abort();
        tokio::task::yield_now().await;
        assert!(!held.grow(1));
        drop(held);
        waiting[1].abort();
        let [.., third] = <[_; 3]>::try_from(waiting).expect("three");
        assert!(third.await.expect("it ends").is_some());
        assert_eq!(shares.lock().len(), 0);
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
