//! The order in which passwords are hashed. Hashing is the only expensive work that a client without an account can cause, so
//! clients with many requests wait behind clients with few.
//!
//! Each request waits in a lane: known devices first, then networks without recent failures, then the rest. Within a lane
//! the networks take turns (start-time fair queueing). Of requests with the same turn, the newest goes first, because the client of
//! an old one may have given up. When the queue is full, the request that would be served last is refused. Every fourth turn
//! begins with the last lane, so that no lane starves.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::keys::LimitKey;
use crate::http::error::ApiError;

/// The most requests of one network for one account, waiting or running.
const MAX_OF_PAIR: usize = 2;

/// One network may have at most a fourth of the queue.
const SHARE_OF_NETWORK: usize = 4;

/// Every fourth turn begins with the last lane.
const REVERSED_TURN: u64 = 4;

/// The number of remembered turns beyond which those in the past are removed.
const MAX_REMEMBERED: usize = 1_024;

/// The position of a waiting request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A network that the account has signed in from before.
    Known,
    /// A network without recent failures.
    Fresh,
    /// Everything else. It never occupies all threads.
    Rest,
}

impl Lane {
    const COUNT: usize = 3;

    const fn index(self) -> usize {
        match self {
            Self::Known => 0,
            Self::Fresh => 1,
            Self::Rest => 2,
        }
    }
}

/// The queue and the running work. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct HashingLanes(Arc<Mutex<QueueState>>);

#[derive(Debug)]
struct QueueState {
    threads: usize,
    max_waiting: usize,
    running: usize,
    running_of_rest: usize,
    waiting: Vec<Waiter>,
    /// The number of the next request.
    sequence: u64,
    /// The number of turns granted so far.
    turns: u64,
    /// The current turn of each lane.
    now: [u64; Lane::COUNT],
    /// The next turn of each network, in each lane.
    next: HashMap<(Lane, IpAddr), u64>,
    by_network: HashMap<IpAddr, usize>,
    by_pair: HashMap<(IpAddr, LimitKey), usize>,
}

#[derive(Debug)]
struct Waiter {
    sequence: u64,
    lane: Lane,
    turn: u64,
    granted: oneshot::Sender<()>,
}

impl Waiter {
    /// The order of service: the smallest is served first, the largest is refused first.
    const fn order(&self) -> (Lane, u64, Reverse<u64>) {
        (self.lane, self.turn, Reverse(self.sequence))
    }
}

/// Counts a request for its network and its account until it is dropped.
#[derive(Debug)]
pub struct Ticket {
    lanes: HashingLanes,
    network: IpAddr,
    account: Option<LimitKey>,
}

/// A place in the queue, which is freed on drop.
struct QueuePosition {
    lanes: HashingLanes,
    sequence: u64,
    lane: Lane,
    granted: oneshot::Receiver<()>,
    taken: bool,
}

/// The right to use a hashing thread, which is returned on drop.
#[derive(Debug)]
pub struct Permit {
    lanes: HashingLanes,
    lane: Lane,
}

impl HashingLanes {
    /// A queue for `threads` threads, with at most `max_waiting` requests.
    pub(super) fn new(threads: usize, max_waiting: usize) -> Self {
        Self(Arc::new(Mutex::new(QueueState {
            threads,
            max_waiting,
            running: 0,
            running_of_rest: 0,
            waiting: Vec::new(),
            sequence: 0,
            turns: 0,
            now: [0; Lane::COUNT],
            next: HashMap::new(),
            by_network: HashMap::new(),
            by_pair: HashMap::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // All counts change together under the lock, so they are consistent even after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request for its network and its account.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if the network has too many requests, or too many for this account.
    pub(super) fn ticket(&self, network: IpAddr, account: Option<LimitKey>) -> Result<Ticket, ApiError> {
        let mut state = self.lock();
        let of_network = state.by_network.get(&network).copied().unwrap_or_default();
        let of_pair = account.and_then(|account| state.by_pair.get(&(network, account)).copied()).unwrap_or_default();
        if of_network >= (state.max_waiting / SHARE_OF_NETWORK).max(1) || of_pair >= MAX_OF_PAIR {
            return Err(ApiError::overloaded());
        }
        *state.by_network.entry(network).or_default() += 1;
        if let Some(account) = account {
            *state.by_pair.entry((network, account)).or_default() += 1;
        }
        drop(state);
        Ok(Ticket { lanes: self.clone(), network, account })
    }
}

impl Ticket {
    /// Waits for the turn.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] if the queue is full, or becomes full of requests that are served earlier.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Permit, ApiError> {
        let mut place = self.lanes.lock().enter(&self.lanes, lane, self.network).ok_or_else(ApiError::overloaded)?;
        // The sender is dropped when another request takes the place.
        (&mut place.granted).await.map_err(|_| ApiError::overloaded())?;
        place.taken = true;
        Ok(Permit { lanes: self.lanes.clone(), lane })
    }
}

impl QueueState {
    fn enter(&mut self, lanes: &HashingLanes, lane: Lane, network: IpAddr) -> Option<QueuePosition> {
        let turn = self.next.get(&(lane, network)).copied().unwrap_or_default().max(self.now[lane.index()]);
        let (granted, receiver) = oneshot::channel();
        let waiter = Waiter { sequence: self.sequence, lane, turn, granted };
        if self.running >= self.threads && self.waiting.len() >= self.max_waiting {
            let last = (0..self.waiting.len()).max_by_key(|index| self.waiting[*index].order())?;
            if self.waiting[last].order() < waiter.order() {
                return None;
            }
            self.waiting.swap_remove(last);
        }
        let place =
            QueuePosition { lanes: lanes.clone(), sequence: self.sequence, lane, granted: receiver, taken: false };
        self.sequence += 1;
        self.next.insert((lane, network), turn + 1);
        self.waiting.push(waiter);
        self.dispatch();
        Some(place)
    }

    /// Grants free threads to the next requests.
    fn dispatch(&mut self) {
        while self.running < self.threads {
            let Some(index) = self.first() else { break };
            let waiter = self.waiting.swap_remove(index);
            self.turns += 1;
            self.now[waiter.lane.index()] = self.now[waiter.lane.index()].max(waiter.turn);
            self.running += 1;
            self.running_of_rest += usize::from(waiter.lane == Lane::Rest);
            // A dropped position leaves the queue before its receiver is dropped, so the receiver exists.
            let _ = waiter.granted.send(());
        }
        if self.next.len() > MAX_REMEMBERED {
            let now = self.now;
            self.next.retain(|(lane, _), turn| *turn > now[lane.index()]);
            if self.next.len() > MAX_REMEMBERED {
                self.next.clear();
            }
        }
    }

    fn first(&self) -> Option<usize> {
        let most_of_rest = (self.threads / 2).max(1);
        let reversed = self.turns % REVERSED_TURN == REVERSED_TURN - 1;
        let may_run = |index: &usize| self.waiting[*index].lane != Lane::Rest || self.running_of_rest < most_of_rest;
        (0..self.waiting.len()).filter(may_run).min_by_key(|index| {
            let (lane, turn, newest) = self.waiting[*index].order();
            let lane = if reversed { Lane::COUNT - lane.index() } else { lane.index() };
            (lane, turn, newest)
        })
    }

    fn release(&mut self, lane: Lane) {
        self.running -= 1;
        self.running_of_rest -= usize::from(lane == Lane::Rest);
        self.dispatch();
    }
}

impl Drop for QueuePosition {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = self.lanes.lock();
        if let Some(index) = state.waiting.iter().position(|waiter| waiter.sequence == self.sequence) {
            state.waiting.swap_remove(index);
        } else if self.granted.try_recv().is_ok() {
            // The turn was granted while the request was being dropped.
            state.release(self.lane);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.lanes.lock().release(self.lane);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.lanes.lock();
        count_down(&mut state.by_network, self.network);
        if let Some(account) = self.account {
            count_down(&mut state.by_pair, (self.network, account));
        }
    }
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    fn network(number: u8) -> IpAddr {
        IpAddr::from([10, number, 0, 1])
    }

    /// Waiting requests with names, which are polled once per round.
    struct Crowd {
        lanes: HashingLanes,
        waiting: Vec<(String, BoxFuture<'static, Result<Permit, ApiError>>)>,
        refused: Vec<String>,
    }

    impl Crowd {
        fn new(threads: usize, max_waiting: usize) -> Self {
            Self { lanes: HashingLanes::new(threads, max_waiting), waiting: Vec::new(), refused: Vec::new() }
        }

        /// Adds a request.
        fn arrive(&mut self, name: &str, number: u8, lane: Lane) {
            let ticket = self.lanes.ticket(network(number), None).expect("a ticket");
            let mut turn = async move { ticket.turn(lane).await }.boxed();
            match (&mut turn).now_or_never() {
                Some(Ok(permit)) => {
                    let granted = async move { Ok(permit) }.boxed();
                    self.waiting.push((name.to_owned(), granted));
                }
                Some(Err(_)) => self.refused.push(name.to_owned()),
                None => self.waiting.push((name.to_owned(), turn)),
            }
        }

        /// The requests whose turn is granted now.
        fn served(&mut self) -> Vec<(String, Permit)> {
            let mut served = Vec::new();
            let mut still = Vec::new();
            for (name, mut turn) in std::mem::take(&mut self.waiting) {
                match (&mut turn).now_or_never() {
                    Some(Ok(permit)) => served.push((name, permit)),
                    Some(Err(_)) => self.refused.push(name),
                    None => still.push((name, turn)),
                }
            }
            self.waiting = still;
            served
        }

        /// Serves all requests one after the other, and returns their names in that order.
        fn order(&mut self) -> Vec<String> {
            let mut order = Vec::new();
            loop {
                let served = self.served();
                if served.is_empty() {
                    return order;
                }
                order.extend(served.into_iter().map(|(name, _)| name));
            }
        }
    }

    #[test]
    fn known_devices_go_first_and_the_rest_last() {
        let mut crowd = Crowd::new(1, 100);
        crowd.arrive("first", 0, Lane::Rest);
        for (name, number, lane) in [("rest", 1, Lane::Rest), ("fresh", 2, Lane::Fresh), ("known", 3, Lane::Known)] {
            crowd.arrive(name, number, lane);
        }
        assert_eq!(crowd.order(), ["first", "known", "fresh", "rest"]);
    }

    #[test]
    fn one_who_asks_much_waits_behind_one_who_asks_once() {
        let mut crowd = Crowd::new(1, 100);
        crowd.arrive("running", 0, Lane::Fresh);
        for number in 0..20 {
            crowd.arrive(&format!("flood {number}"), 1, Lane::Fresh);
        }
        crowd.arrive("owner", 2, Lane::Fresh);
        assert_eq!(crowd.order()[1], "owner");
    }

    #[test]
    fn the_owner_is_served_soon_however_many_networks_come_again_and_again() {
        for lane in [Lane::Known, Lane::Fresh, Lane::Rest] {
            let mut crowd = Crowd::new(1, 128);
            for number in 0..48 {
                crowd.arrive("attacker", number, Lane::Rest);
            }
            for round in 0..200 {
                let served = crowd.served();
                assert_eq!(served.len(), 1, "round {round}");
                if round == 100 {
                    crowd.arrive("owner", 200, lane);
                }
                drop(served);
                let number = u8::try_from(round % 48).expect("small");
                crowd.arrive("attacker", number, Lane::Rest);
                if round > 100 + 5 {
                    assert!(!crowd.waiting.iter().any(|(name, _)| name == "owner"), "{lane:?} waits still");
                }
            }
            assert!(crowd.refused.is_empty());
        }
    }

    #[test]
    fn when_all_places_are_taken_who_would_be_served_last_is_refused() {
        let mut crowd = Crowd::new(1, 8);
        crowd.arrive("running", 50, Lane::Rest);
        for number in 0..2 {
            for name in ["flood 1", "flood 2"] {
                crowd.arrive(name, number, Lane::Rest);
            }
        }
        for number in 2..6 {
            crowd.arrive("rest", number, Lane::Rest);
        }
        crowd.arrive("fresh", 100, Lane::Fresh);
        crowd.arrive("known", 101, Lane::Known);
        crowd.arrive("late", 2, Lane::Rest);
        let order = crowd.order();
        crowd.refused.sort_unstable();
        assert_eq!(crowd.refused, ["flood 2", "flood 2", "late"], "{order:?}");
        assert_eq!(order[1..3], ["known", "fresh"], "{order:?}");
    }

    #[test]
    fn no_lane_waits_for_ever_and_the_rest_never_has_every_thread() {
        let mut crowd = Crowd::new(2, 100);
        for number in 0..10 {
            crowd.arrive("rest", number, Lane::Rest);
        }
        assert_eq!(crowd.served().len(), 1, "one of two threads is kept for the others");
        for number in 10..30 {
            crowd.arrive("fresh", number, Lane::Fresh);
        }
        let order = crowd.order();
        let early = order.iter().take(12).filter(|name| *name == "rest").count();
        assert!((3..=6).contains(&early), "{order:?}");
    }

    #[test]
    fn a_network_has_its_share_and_a_pair_two_places() {
        let lanes = HashingLanes::new(1, 40);
        let tickets: Vec<Ticket> = (0..10).map(|_| lanes.ticket(network(1), None).expect("a ticket")).collect();
        assert!(lanes.ticket(network(1), None).is_err());
        assert!(lanes.ticket(network(2), None).is_ok());
        drop(tickets);
        let account = Some([1; 16]);
        let pair = [lanes.ticket(network(1), account).expect("one"), lanes.ticket(network(1), account).expect("two")];
        assert!(lanes.ticket(network(1), account).is_err());
        assert!(lanes.ticket(network(1), Some([2; 16])).is_ok() && lanes.ticket(network(2), account).is_ok());
        drop(pair);
        let state = lanes.lock();
        assert!(state.by_network.is_empty() && state.by_pair.is_empty(), "nothing is left of them");
    }

    #[test]
    fn who_leaves_gives_the_place_and_the_turn_back() {
        let mut crowd = Crowd::new(1, 100);
        crowd.arrive("running", 0, Lane::Fresh);
        crowd.arrive("leaves", 1, Lane::Fresh);
        crowd.arrive("granted", 2, Lane::Fresh);
        crowd.waiting.retain(|(name, _)| name != "leaves");
        assert_eq!(crowd.lanes.lock().waiting.len(), 1);
        drop(crowd.served());
        // The turn has been granted by now, and nobody has looked.
        assert_eq!(crowd.lanes.lock().running, 1);
        crowd.waiting.clear();
        assert_eq!(crowd.lanes.lock().running, 0);
        crowd.arrive("next", 3, Lane::Fresh);
        assert_eq!(crowd.order(), ["next"]);
    }

    #[test]
    fn what_is_remembered_of_networks_is_bounded() {
        let mut crowd = Crowd::new(1, 100);
        for number in 0..3_000_u32 {
            let ticket = crowd.lanes.ticket(IpAddr::from(number.to_be_bytes()), None).expect("a ticket");
            drop(ticket.turn(Lane::Fresh).now_or_never().expect("at once").expect("a turn"));
        }
        assert!(crowd.lanes.lock().next.len() <= MAX_REMEMBERED + 1);
        crowd.arrive("next", 3, Lane::Fresh);
        assert_eq!(crowd.order(), ["next"]);
    }
}
