//! Limits the number of connections, in total and per address, and chooses the connection to close when there is no
//! room.
//!
//! A connection waits for its client while it has no request, while a request body arrives, and while a response is
//! written. A waiting connection makes room for a new one: of the address with the most connections, idle ones first,
//! the longest waiting first. So a flood displaces itself, even if it keeps its connections busy, and requests in
//! progress are not interrupted.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    max_total: usize,
    max_per_address: usize,
    held: Mutex<ConnectionTable>,
}

#[derive(Debug, Default)]
struct ConnectionTable {
    connections: HashMap<u64, Arc<ClientConnection>>,
    /// The connections of each address.
    addresses: HashMap<IpAddr, Vec<u64>>,
    /// The addresses ordered by their number of connections, so that the largest is found without a scan.
    ranking: BTreeSet<(usize, IpAddr)>,
    last: u64,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct ClientConnection {
    address: IpAddr,
    phase: AtomicU8,
    /// The time at which the phase began, on the clock of [`moment`].
    since: AtomicU64,
    /// The number of turns of the connection's task, and the turn in which the last request began or was answered.
    turns: AtomicU64,
    turn_of_request: AtomicU64,
    /// The number of consecutive requests that arrived before their predecessor was answered.
    pipelined: AtomicU32,
    displaced: Notify,
}

/// The activity of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No request has arrived completely.
    Idle,
    /// A request body is arriving.
    Receiving,
    /// The server works on a request.
    Working,
    /// A response is being written.
    Sending,
}

/// A slot for a connection; dropping it frees it.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    number: u64,
    connection: Arc<ClientConnection>,
    among: Arc<Connections>,
}

/// A request in progress; dropping it makes the connection idle.
#[derive(Debug)]
pub(super) struct RequestGuard(Arc<ClientConnection>);

/// A logical clock that orders the beginnings of phases across connections.
static MOMENT: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENT.fetch_add(1, Ordering::Relaxed)
}

impl Connections {
    /// Creates limits: `max_total` connections in total, `max_per_address` per address.
    pub(super) fn new(max_total: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { max_total, max_per_address, held: Mutex::default() })
    }

    /// Finds a slot for a connection, displacing another if necessary. `exempt` connections (trusted proxies) have no
    /// limit per address. Returns `None` if every connection that could make room has a request in progress.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, exempt: bool) -> Option<ConnectionSlot> {
        let mut held = self.lock();
        let own = held.addresses.get(&address).map_or(0, Vec::len);
        if !exempt && own >= self.max_per_address {
            held.displace_of(address)?;
        } else if held.connections.len() >= self.max_total {
            held.displace()?;
        }
        held.last += 1;
        let number = held.last;
        let connection = Arc::new(ClientConnection {
            address,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(moment()),
            turns: AtomicU64::new(0),
            turn_of_request: AtomicU64::new(0),
            pipelined: AtomicU32::new(0),
            displaced: Notify::new(),
        });
        held.insert(number, Arc::clone(&connection));
        drop(held);
        Some(ConnectionSlot { number, connection, among: Arc::clone(self) })
    }

    /// Closes a waiting connection, for example when the system has run out of file descriptors.
    pub(super) fn displace_one(&self) {
        // If no connection waits, there is nothing to close.
        let _ = self.lock().displace();
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionTable> {
        // No code panics while it holds the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionTable {
    fn insert(&mut self, number: u64, connection: Arc<ClientConnection>) {
        let address = connection.address;
        self.connections.insert(number, connection);
        let of_address = self.addresses.entry(address).or_default();
        self.ranking.remove(&(of_address.len(), address));
        of_address.push(number);
        self.ranking.insert((of_address.len(), address));
    }

    fn remove(&mut self, number: u64) -> Option<Arc<ClientConnection>> {
        let connection = self.connections.remove(&number)?;
        let address = connection.address;
        if let Some(of_address) = self.addresses.get_mut(&address) {
            self.ranking.remove(&(of_address.len(), address));
            of_address.retain(|one| *one != number);
            if of_address.is_empty() {
                self.addresses.remove(&address);
            } else {
                self.ranking.insert((of_address.len(), address));
            }
        }
        Some(connection)
    }

    /// Closes a waiting connection of the address with the most connections that has one.
    fn displace(&mut self) -> Option<()> {
        let number = self.ranking.iter().rev().find_map(|(_, address)| self.longest_waiting(*address))?;
        self.close(number)
    }

    /// Closes a waiting connection of an address.
    fn displace_of(&mut self, address: IpAddr) -> Option<()> {
        let number = self.longest_waiting(address)?;
        self.close(number)
    }

    fn longest_waiting(&self, address: IpAddr) -> Option<u64> {
        let of_address = self.addresses.get(&address)?;
        let waiting = of_address.iter().filter_map(|number| {
            let connection = self.connections.get(number).filter(|connection| connection.waits_for_client())?;
            let since = connection.since.load(Ordering::Relaxed);
            Some(((connection.is_in(Phase::Idle), std::cmp::Reverse(since)), *number))
        });
        waiting.max_by_key(|(order, _)| *order).map(|(_, number)| number)
    }

    fn close(&mut self, number: u64) -> Option<()> {
        self.remove(number)?.displaced.notify_one();
        Some(())
    }
}

impl ClientConnection {
    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    /// Returns true if the connection waits for its client.
    pub(super) fn waits_for_client(&self) -> bool {
        !self.is_in(Phase::Working)
    }

    /// Sets the phase. Setting the current phase again does not restart it.
    pub(super) fn set_phase(&self, phase: Phase) {
        if self.phase.swap(phase as u8, Ordering::Relaxed) != phase as u8 {
            self.since.store(moment(), Ordering::Relaxed);
        }
    }

    /// Counts a turn of the connection's task.
    pub(super) fn begin_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// The current turn of the connection's task.
    pub(super) fn turn(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Counts a request; returns the number of consecutive requests that arrived before their predecessor was answered.
    pub(super) fn count_pipelined(&self) -> u32 {
        let turn = self.turn();
        if self.turn_of_request.swap(turn, Ordering::Relaxed) == turn {
            self.pipelined.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.pipelined.store(0, Ordering::Relaxed);
            0
        }
    }

    /// Marks a request as in progress.
    pub(super) fn begin(self: &Arc<Self>) -> RequestGuard {
        self.set_phase(Phase::Working);
        RequestGuard(Arc::clone(self))
    }
}

impl RequestGuard {
    /// Marks the response as being written.
    pub(super) fn answered(self) -> Self {
        self.0.set_phase(Phase::Sending);
        self.0.turn_of_request.store(self.0.turn(), Ordering::Relaxed);
        self
    }

    /// The connection of the request.
    pub(super) fn connection(&self) -> &ClientConnection {
        &self.0
    }
}

impl ConnectionSlot {
    /// The connection in the slot.
    pub(super) fn connection(&self) -> &Arc<ClientConnection> {
        &self.connection
    }

    /// Completes when the connection has to make room.
    pub(super) async fn displaced(&self) {
        self.connection.displaced.notified().await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        // A displaced connection has been removed already.
        let _ = self.among.lock().remove(self.number);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.set_phase(Phase::Idle);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn is_displaced(place: &ConnectionSlot) -> bool {
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
        assert!(connections.lock().addresses.is_empty() && connections.lock().ranking.is_empty());
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
    fn where_the_server_works_on_all_there_is_no_room() {
        let connections = Connections::new(1, 1);
        let place = connections.enter(address(1), false).expect("a place");
        let request = place.connection().begin();
        assert!(connections.enter(address(2), false).is_none());
        drop(request);
        assert!(connections.enter(address(2), false).is_some());
    }

    #[test]
    fn one_that_waits_for_its_client_makes_room_where_none_is_idle() {
        let connections = Connections::new(3, 3);
        let places = [1, 2, 2].map(|last| connections.enter(address(last), false).expect("a place"));
        let requests = [0, 1, 2].map(|index: usize| places[index].connection().begin());
        places[0].connection().set_phase(Phase::Receiving);
        let [working, receiving, sending] = requests;
        let sending = sending.answered();
        assert!(connections.enter(address(3), false).is_some());
        assert_eq!([0, 1, 2].map(|index: usize| is_displaced(&places[index])), [false, false, true]);
        drop((working, receiving, sending));
    }
}
