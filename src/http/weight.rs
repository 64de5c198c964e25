//! The weight of bulk changes, and a limit of weight per account and period.
//!
//! The unit is a row without a long text. A text has a weight, because each trigram of it is indexed: a row with 5,000
//! characters of 4 bytes takes the database about a thousand times as long as a row without text.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, RateLimiter};

use super::error::ApiError;
use super::quota::quota;

/// The number of bytes of text in a row that add no weight.
pub const FREE_BYTES: i64 = 400;

/// The number of bytes beyond [`FREE_BYTES`] that weigh as much as a row.
pub const BYTES_OF_A_ROW: i64 = 20;

/// The maximum weight of a small change, which takes no longer than any other request.
pub const SMALL: i64 = 200;

/// The weight that a text adds to each row that gets it.
#[must_use]
pub fn of_text(bytes: usize) -> i64 {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    bytes.saturating_sub(FREE_BYTES).max(0) / BYTES_OF_A_ROW
}

/// The weight that each account may change in a period, counted per process.
#[derive(Debug)]
pub struct WorkLimit {
    limiter: DefaultKeyedRateLimiter<i64>,
    limit: NonZeroU32,
    ttl: Duration,
}

impl WorkLimit {
    /// Allows `limit` units of weight per `ttl`, in bursts or evenly.
    #[must_use]
    pub fn new(ttl: Duration, limit: u32) -> Self {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Self { limiter: RateLimiter::keyed(quota(ttl, limit)), limit, ttl }
    }

    /// Counts a change before it begins, so that an error means that nothing was changed.
    ///
    /// # Errors
    /// [`ApiError::TooMuchWork`], with the time to wait unless the change exceeds the limit at any time.
    pub fn charge(&self, user_id: i64, weight: i64) -> Result<(), ApiError> {
        let Some(counted) = NonZeroU32::new(u32::try_from(weight).unwrap_or(u32::MAX)) else { return Ok(()) };
        let (limit, ttl) = (self.limit, humantime::format_duration(self.ttl));
        match self.limiter.check_key_n(&user_id, counted) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let retry_after = Duration::from_secs(wait.as_secs() + 1);
                Err(ApiError::TooMuchWork {
                    message: format!(
                        "The change weighs {weight}, and this account has used up most of the {limit} in {ttl}; nothing \
                         was changed. Try again in {}",
                        humantime::format_duration(retry_after)
                    ),
                    retry_after: Some(retry_after),
                })
            }
            Err(_) => Err(ApiError::TooMuchWork {
                message: format!(
                    "The change weighs {weight}, and at most {limit} are allowed in {ttl} (a row weighs 1, and 1 more for \
                     each {BYTES_OF_A_ROW} bytes of text beyond {FREE_BYTES}); nothing was changed. Change fewer rows at a \
                     time, or use a shorter text"
                ),
                retry_after: None,
            }),
        }
    }

    /// Removes the accounts whose allowance is complete.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn refusal(charged: Result<(), ApiError>) -> (Option<Duration>, String) {
        match charged {
            Err(ApiError::TooMuchWork { retry_after, message }) => (retry_after, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_rows_weigh_one_and_long_texts_by_their_bytes() {
        assert_eq!(of_text(0), 0);
        assert_eq!(of_text("a short note".len()), 0);
        assert_eq!(of_text("🍜".repeat(5_000).len()), 980);
    }

    #[test]
    fn what_is_more_than_the_allowance_is_refused_with_what_to_do() {
        let limit = WorkLimit::new(MINUTE, 300_000);
        let (retry_after, message) = refusal(limit.charge(1, 981_000));
        assert_eq!(retry_after, None);
        assert!(message.contains("weighs 981000") && message.contains("at most 300000 are allowed in 1m"), "{message}");
        // Nothing was counted.
        assert!(limit.charge(1, 300_000).is_ok());
    }

    #[test]
    fn the_allowance_comes_back_and_others_have_their_own() {
        let limit = WorkLimit::new(MINUTE, 300_000);
        for _ in 0..3 {
            assert!(limit.charge(1, 100_000).is_ok());
        }
        let (retry_after, message) = refusal(limit.charge(1, 100_000));
        let seconds = retry_after.expect("a time").as_secs();
        assert!((15..=21).contains(&seconds), "{message}");
        assert!(limit.charge(2, 300_000).is_ok());
        assert!(limit.charge(1, 0).is_ok());
    }
}
