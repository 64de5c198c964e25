//! Which connections are held: so many in all, so many an address, and which of them goes when there is no room.
//!
//! A connection on which no request is under way is idle, also while the head of one arrives. Idle ones make room for
//! newcomers: the longest idle one of the address that holds the most, so that a flood displaces itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections that are held.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_each: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    connections: HashMap<u64, Arc<Connection>>,
    addresses: HashMap<IpAddr, usize>,
    last: u64,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    address: IpAddr,
    /// Requests under way; more than one only for a moment.
    requests: AtomicUsize,
    /// Counts up whenever it becomes idle, over all connections: the smallest number is the longest idle one.
    idle_since: AtomicU64,
    displaced: Notify,
}

/// A place among the connections; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    connection: Arc<Connection>,
    among: Arc<Connections>,
}

/// A request under way; its connection is idle again when it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Connection>);

/// Orders the moments at which connections become idle.
static MOMENT: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENT.fetch_add(1, Ordering::Relaxed)
}

impl Connections {
    /// Room for `most` connections, of which one address has `most_each`.
    pub(super) fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self { most, most_each, held: Mutex::default() })
    }

    /// Finds a place for a connection; `exempt` from the limit of an address are trusted proxies. `None` if there is no room,
    /// and none that is idle could make any.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, exempt: bool) -> Option<Place> {
        let mut held = self.lock();
        let own = held.addresses.get(&address).copied().unwrap_or_default();
        if !exempt && own >= self.most_each {
            held.displace(|connection, _| connection.address == address)?;
        } else if held.connections.len() >= self.most {
            held.displace(|_, _| true)?;
        }
        held.last += 1;
        let number = held.last;
        let connection = Arc::new(Connection {
            address,
            requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(moment()),
            displaced: Notify::new(),
        });
        held.connections.insert(number, Arc::clone(&connection));
        *held.addresses.entry(address).or_default() += 1;
        drop(held);
        Some(Place { number, connection, among: Arc::clone(self) })
    }

    /// Makes room by closing one that is idle, such as when the system has no more file descriptors.
    pub(super) fn displace_one(&self) {
        // Where none is idle there is nothing to be done.
        let _ = self.lock().displace(|_, _| true);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Tells the longest idle connection, among those of the address that has the most, to close, and forgets it.
    fn displace(&mut self, may_go: impl Fn(&Connection, &Self) -> bool) -> Option<()> {
        let idle = self.connections.iter().filter(|(_, connection)| connection.is_idle() && may_go(connection, self));
        let (number, _) = idle.max_by_key(|(_, connection)| {
            let of_address = self.addresses.get(&connection.address).copied().unwrap_or_default();
            (of_address, std::cmp::Reverse(connection.idle_since.load(Ordering::Relaxed)))
        })?;
        let number = *number;
        let connection = self.remove(number)?;
        connection.displaced.notify_one();
        Some(())
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.connections.remove(&number)?;
        if let Some(count) = self.addresses.get_mut(&connection.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&connection.address);
            }
        }
        Some(connection)
    }
}

impl Connection {
    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// Notes that a request is under way.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }
}

impl Place {
    /// The connection that has it.
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Resolves when the connection has to make room.
    pub(super) async fn displaced(&self) {
        self.connection.displaced.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was displaced has been forgotten already.
        let _ = self.among.lock().remove(self.number);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.idle_since.store(moment(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn is_displaced(place: &Place) -> bool {
        place.displaced().now_or_never().is_some()
    }

    #[test]
    fn the_longest_idle_one_of_who_holds_the_most_makes_room() {
        let connections = Connections::new(4, 3);
        let enter = |last| connections.enter(address(last), false).expect("a place");
        let (one, flood) = (enter(1), [enter(2), enter(2), enter(2)]);
        let used = flood[0].connection().begin();
        let newcomer = enter(3);
        assert_eq!(
            [&one, &flood[0], &flood[1], &flood[2], &newcomer].map(is_displaced),
            [false, false, true, false, false]
        );
        drop(used);
        drop(flood);
        assert_eq!(connections.lock().connections.len(), 2);
        drop((one, newcomer));
        assert!(connections.lock().addresses.is_empty());
    }

    #[test]
    fn an_address_that_holds_its_most_displaces_its_own() {
        let connections = Connections::new(100, 2);
        let enter = |last, exempt| connections.enter(address(last), exempt);
        let (other, first, second) = (enter(1, false), enter(2, false), enter(2, false));
        let [other, first, second] = [other, first, second].map(|place| place.expect("a place"));
        let used = second.connection().begin();
        assert!(enter(2, false).is_some());
        assert_eq!([&other, &first, &second].map(is_displaced), [false, true, false]);
        drop(first);
        let third = enter(2, false).expect("a place").connection().begin();
        assert!(enter(2, true).is_some(), "a proxy speaks for many");
        drop((used, third));
    }

    #[test]
    fn where_all_are_busy_there_is_no_room() {
        let connections = Connections::new(1, 1);
        let place = connections.enter(address(1), false).expect("a place");
        let request = place.connection().begin();
        assert!(connections.enter(address(2), false).is_none());
        drop(request);
        assert!(connections.enter(address(2), false).is_some());
    }
}
