//! Memory that has been freed goes back to the system.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Between two collections of a thread.
const PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Collects what others have freed of this thread's memory; for a thread that has nothing to do, at most once a second.
///
/// Memory that one thread allocates and another frees waits for its owner, and a server that is idle after a flood allocates
/// little: tens of megabytes would stay.
pub fn collect_when_idle() {
    let now = Instant::now();
    if LAST.get().is_some_and(|last| now.duration_since(last) < PAUSE) {
        return;
    }
    LAST.set(Some(now));
    // SAFETY: it looks after the calling thread's own heap, and may be called at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
