//! Limits of signing in. Failures are counted, not tries: nobody is kept out by a right password, nor by a request that
//! was refused before the password was looked at. What is counted lies in the database, for all servers together.
//!
//! - A network that fails on one account too often waits: `throttle.login_limit`, 10 a minute.
//! - A network that fails on many accounts waits for all of them: `throttle.login_address_limit`.
//! - An account that fails very often, whoever tries (`throttle.login_account_limit`), closes to each network that has failed
//!   on it within the last minute. It never closes to who has not failed: else anybody could lock the owner out.
//! - A network that the account has signed in from is held to the first limit alone, which strangers do not reach.
//!
//! An address without an account is counted like one with an account.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::PgConnection;

use super::keys::{LimitKey, SignInKeys};
use super::lanes::Lane;
use super::store;
use crate::config::ThrottleConfig;

/// Counted times are rounded by the database.
const ROUNDING: Duration = Duration::from_millis(1);

/// An id that no user has.
const NOBODY: i64 = 0;

/// The limits of the configuration, and the names under which failures are counted.
#[derive(Clone)]
pub struct SignInLimits {
    keys: SignInKeys,
    period: Duration,
    of_pair: u32,
    of_network: u32,
    of_account: u32,
}

/// Somebody who wants to sign in.
pub(super) struct SignInAttempt {
    network: IpAddr,
    pub(super) account_key: LimitKey,
    network_key: LimitKey,
    block_key: LimitKey,
    pair_key: LimitKey,
    lately_key: LimitKey,
}

/// The place of an attempt among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Admitted, in this lane.
    Admitted(Lane),
    /// There were too many failures.
    Limited {
        /// The time until it is looked at again.
        retry_after: Duration,
    },
}

impl SignInLimits {
    /// The limits of the configuration.
    #[must_use]
    pub fn new(config: &ThrottleConfig, keys: SignInKeys) -> Self {
        Self {
            keys,
            period: config.ttl,
            of_pair: config.login_limit,
            of_network: config.login_address_limit,
            of_account: config.login_account_limit,
        }
    }

    /// An attempt on an account, by its address in lower case.
    pub(super) fn attempt(&self, network: IpAddr, email: &str) -> SignInAttempt {
        SignInAttempt {
            network,
            account_key: self.keys.account(email),
            network_key: self.keys.network(network),
            block_key: self.keys.block(network),
            pair_key: self.keys.pair(network, email),
            lately_key: self.keys.lately(network, email),
        }
    }

    /// The place of an attempt, and whether its network has been remembered today; `user_id` is the account's, if there
    /// is one.
    pub(super) async fn standing(
        &self,
        connection: &mut PgConnection,
        attempt: &SignInAttempt,
        user_id: Option<i64>,
    ) -> Result<(Standing, bool), sqlx::Error> {
        let user_id = user_id.unwrap_or(NOBODY);
        let device = self.keys.device(user_id, attempt.network);
        let known = store::known(connection, user_id, &device).await?;
        let keys = [attempt.account_key, attempt.network_key, attempt.block_key, attempt.pair_key, attempt.lately_key];
        let counted = store::counted(connection, &keys).await?;
        let of = |key: &LimitKey| counted.get(key).copied().unwrap_or_default();
        let standing = self.judge(&CountedFailure {
            known: known.is_some(),
            account: of(&attempt.account_key),
            network: of(&attempt.network_key),
            block: of(&attempt.block_key),
            pair: of(&attempt.pair_key),
            lately: of(&attempt.lately_key),
        });
        Ok((standing, known == Some(true)))
    }

    fn judge(&self, counted: &CountedFailure) -> Standing {
        let limited =
            |retry_after: Duration| Standing::Limited { retry_after: retry_after.max(Duration::from_secs(1)) };
        if let Some(wait) = self.wait(counted.pair, self.of_pair) {
            return limited(wait);
        }
        if counted.known {
            return Standing::Admitted(Lane::Known);
        }
        if let Some(wait) = self.wait(counted.network, self.of_network) {
            return limited(wait);
        }
        if self.wait(counted.account, self.of_account).is_some() && !counted.lately.is_zero() {
            return limited(counted.lately);
        }
        let clean = counted.network.is_zero() && counted.block.is_zero();
        Standing::Admitted(if clean { Lane::Fresh } else { Lane::Rest })
    }

    /// Counts a failure.
    pub(super) async fn failed(
        &self,
        connection: &mut PgConnection,
        attempt: &SignInAttempt,
    ) -> Result<(), sqlx::Error> {
        let shares = [
            (attempt.account_key, self.share(self.of_account)),
            (attempt.network_key, self.share(self.of_network)),
            (attempt.block_key, self.share(self.of_network)),
            (attempt.pair_key, self.share(self.of_pair)),
            (attempt.lately_key, self.period),
        ];
        store::count(connection, &shares, self.period).await
    }

    /// Remembers that a user has signed in from here.
    pub(super) async fn succeeded(
        &self,
        connection: &mut PgConnection,
        network: IpAddr,
        user_id: i64,
    ) -> Result<(), sqlx::Error> {
        store::remember(connection, user_id, &self.keys.device(user_id, network)).await
    }

    /// One failure's share of the period.
    fn share(&self, limit: u32) -> Duration {
        self.period / limit.max(1)
    }

    /// The time until one more failure would be within the limit; `None` if it is now.
    fn wait(&self, counted: Duration, limit: u32) -> Option<Duration> {
        let over = (counted + self.share(limit)).saturating_sub(self.period);
        (over > ROUNDING).then_some(over)
    }
}

/// The times for which failures go on counting.
#[derive(Debug, Clone, Copy, Default)]
struct CountedFailure {
    known: bool,
    account: Duration,
    network: Duration,
    block: Duration,
    pair: Duration,
    lately: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn limits() -> SignInLimits {
        let keys = SignInKeys::new("a secret");
        SignInLimits { keys, period: MINUTE, of_pair: 10, of_network: 100, of_account: 1_800 }
    }

    fn retry_after(standing: Standing) -> Duration {
        match standing {
            Standing::Limited { retry_after } => retry_after,
            Standing::Admitted(lane) => panic!("admitted in {lane:?}"),
        }
    }

    #[test]
    fn a_pair_waits_for_its_share_after_its_last_failure() {
        let limits = limits();
        let of = |failures: u32| CountedFailure {
            pair: MINUTE / 10 * failures,
            network: MINUTE / 100 * failures,
            ..CountedFailure::default()
        };
        assert_eq!(limits.judge(&of(0)), Standing::Admitted(Lane::Fresh));
        assert_eq!(limits.judge(&of(9)), Standing::Admitted(Lane::Rest));
        assert_eq!(retry_after(limits.judge(&of(10))), Duration::from_secs(6));
        // A device that is known has the same limit, and a lane of its own before that.
        assert_eq!(limits.judge(&CountedFailure { known: true, ..of(9) }), Standing::Admitted(Lane::Known));
        assert_eq!(retry_after(limits.judge(&CountedFailure { known: true, ..of(10) })), Duration::from_secs(6));
    }

    #[test]
    fn a_network_that_tries_many_accounts_waits_and_known_devices_on_it_do_not() {
        let limits = limits();
        let counted = CountedFailure { network: MINUTE, block: MINUTE, ..CountedFailure::default() };
        assert!(retry_after(limits.judge(&counted)) >= Duration::from_secs(1));
        assert_eq!(limits.judge(&CountedFailure { known: true, ..counted }), Standing::Admitted(Lane::Known));
    }

    #[test]
    fn an_account_that_is_tried_from_everywhere_is_open_to_who_has_not_failed() {
        let limits = limits();
        let everywhere = CountedFailure { account: MINUTE, ..CountedFailure::default() };
        assert_eq!(limits.judge(&everywhere), Standing::Admitted(Lane::Fresh));
        assert_eq!(limits.judge(&CountedFailure { known: true, ..everywhere }), Standing::Admitted(Lane::Known));
        let again = CountedFailure { pair: MINUTE / 10, network: MINUTE / 100, lately: MINUTE / 2, ..everywhere };
        assert_eq!(retry_after(limits.judge(&again)), Duration::from_secs(30));
        assert_eq!(limits.judge(&CountedFailure { known: true, ..again }), Standing::Admitted(Lane::Known));
    }

    #[test]
    fn neighbours_of_who_failed_wait_behind_the_others_and_are_not_limited() {
        let neighbours = CountedFailure { block: MINUTE, ..CountedFailure::default() };
        assert_eq!(limits().judge(&neighbours), Standing::Admitted(Lane::Rest));
    }
}
