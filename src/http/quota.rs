//! Rates of the rate limiters.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

/// Allows `limit` units per `ttl`, in bursts or evenly.
pub(super) fn quota(ttl: Duration, limit: NonZeroU32) -> Quota {
    // The period is never zero here: the configuration requires at least a millisecond, and `max` at least a
    // nanosecond.
    let each = (ttl / limit.get()).max(Duration::from_nanos(1));
    Quota::with_period(each).unwrap_or_else(|| Quota::per_second(limit)).allow_burst(limit)
}
