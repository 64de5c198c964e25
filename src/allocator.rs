//! Returns freed memory to the operating system.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The minimum time between two collections of a thread.
const PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Collects memory of this thread that other threads have freed. For an idle thread, at most once per second.
///
/// Memory that one thread allocates and another frees waits for its owner to allocate again. A server that is idle
/// after a flood allocates little, so tens of megabytes would stay.
pub fn collect_when_idle() {
    let now = Instant::now();
    if LAST.get().is_some_and(|last| now.duration_since(last) < PAUSE) {
        return;
    }
    LAST.set(Some(now));
    // SAFETY: it collects the heap of the calling thread only, and may be called at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
