//! Which connections are held: so many in all, so many an address, and which of them goes when there is no room.
//!
//! A connection waits for its client while no request is under way on it, while the body of one arrives, and while an answer is
//! taken. Such a one makes room for a newcomer: of the address that holds the most, an idle one first, the one that waits the
//! longest. So a flood displaces itself, also where it keeps its connections busy, and what the server works on goes on.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
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
    /// The connections of each address.
    addresses: HashMap<IpAddr, Vec<u64>>,
    /// The addresses by the number of their connections: looking through all of them for each newcomer would take long.
    ranking: BTreeSet<(usize, IpAddr)>,
    last: u64,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    address: IpAddr,
    phase: AtomicU8,
    /// The moment at which the phase began.
    since: AtomicU64,
    /// The turns that its task has had, and the one in which the last request began or was answered.
    turns: AtomicU64,
    turn_of_request: AtomicU64,
    /// The requests in a row that were there before the one before them was answered.
    pipelined: AtomicU32,
    displaced: Notify,
}

/// What a connection is busy with, one request after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No request is under way, or only a part of its head is there.
    Idle,
    /// The body of a request arrives.
    Receiving,
    /// The server works on a request.
    Working,
    /// An answer is taken by its client.
    Sending,
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

/// Orders the moments at which phases begin, over all connections.
static MOMENT: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENT.fetch_add(1, Ordering::Relaxed)
}

impl Connections {
    /// Room for `most` connections, of which one address has `most_each`.
    pub(super) fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self { most, most_each, held: Mutex::default() })
    }

    /// Finds a place for a connection; `exempt` from the limit of an address are trusted proxies. `None` if the server works on
    /// a request of each connection that could make room.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, exempt: bool) -> Option<Place> {
        let mut held = self.lock();
        let own = held.addresses.get(&address).map_or(0, Vec::len);
        if !exempt && own >= self.most_each {
            held.displace_of(address)?;
        } else if held.connections.len() >= self.most {
            held.displace()?;
        }
        held.last += 1;
        let number = held.last;
        let connection = Arc::new(Connection {
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
        Some(Place { number, connection, among: Arc::clone(self) })
    }

    /// Makes room by closing one, such as when the system has no more file descriptors.
    pub(super) fn displace_one(&self) {
        // Where none may go there is nothing to be done.
        let _ = self.lock().displace();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn insert(&mut self, number: u64, connection: Arc<Connection>) {
        let address = connection.address;
        self.connections.insert(number, connection);
        let of_address = self.addresses.entry(address).or_default();
        self.ranking.remove(&(of_address.len(), address));
        of_address.push(number);
        self.ranking.insert((of_address.len(), address));
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
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

    /// Tells a connection that waits for its client to close, and forgets it: one of the address that has the most of those
    /// that have such a one.
    fn displace(&mut self) -> Option<()> {
        let number = self.ranking.iter().rev().find_map(|(_, address)| self.next_to_go(*address))?;
        self.close(number)
    }

    /// The same of one address.
    fn displace_of(&mut self, address: IpAddr) -> Option<()> {
        let number = self.next_to_go(address)?;
        self.close(number)
    }

    fn next_to_go(&self, address: IpAddr) -> Option<u64> {
        let of_address = self.addresses.get(&address)?;
        let waiting = of_address.iter().filter_map(|number| {
            let connection = self.connections.get(number).filter(|connection| connection.may_go())?;
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

impl Connection {
    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    /// Whether it waits for its client.
    pub(super) fn may_go(&self) -> bool {
        !self.is_in(Phase::Working)
    }

    /// Notes a phase; one that goes on has begun when it began.
    pub(super) fn note(&self, phase: Phase) {
        if self.phase.swap(phase as u8, Ordering::Relaxed) != phase as u8 {
            self.since.store(moment(), Ordering::Relaxed);
        }
    }

    /// Notes that its task has its turn.
    pub(super) fn note_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// The turn that its task has.
    pub(super) fn turn(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Counts a request that begins; says how many in a row were there before the one before them was answered.
    pub(super) fn count_pipelined(&self) -> u32 {
        let turn = self.turn();
        if self.turn_of_request.swap(turn, Ordering::Relaxed) == turn {
            self.pipelined.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.pipelined.store(0, Ordering::Relaxed);
            0
        }
    }

    /// Notes that a request is under way.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.note(Phase::Working);
        UnderWay(Arc::clone(self))
    }
}

impl UnderWay {
    /// Notes that the answer is taken by the client.
    pub(super) fn answered(self) -> Self {
        self.0.note(Phase::Sending);
        self.0.turn_of_request.store(self.0.turn(), Ordering::Relaxed);
        self
    }

    /// The connection that it came on.
    pub(super) fn connection(&self) -> &Connection {
        &self.0
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
        self.0.note(Phase::Idle);
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
        places[0].connection().note(Phase::Receiving);
        let [working, receiving, sending] = requests;
        let sending = sending.answered();
        assert!(connections.enter(address(3), false).is_some());
        assert_eq!([0, 1, 2].map(|index: usize| is_displaced(&places[index])), [false, false, true]);
        drop((working, receiving, sending));
    }
}
