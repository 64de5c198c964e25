//! Rate limits: by account for who is signed in, by address for who is not, and stricter ones for logging in.
//!
//! They are counted in each process for itself: a limit is there to blunt abuse, not to bill, and a counter in the
//! database would make every request a write.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;

use super::client_address::{PeerAddress, client_address, network_of};
use super::error::ApiError;
use super::identity::Tokens;
use crate::config::ThrottleConfig;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The limits of one process.
pub struct RateLimits {
    requests: Limit<Caller>,
    attempts: Limit<Attempt>,
    trusted_proxies: Vec<IpNet>,
    tokens: Arc<Tokens>,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// Of who is signed in.
    Account(i64),
    /// From one address, or one /64 of version 6, of who is not.
    Address(IpAddr),
}

/// Whose attempts to log in or register are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// All from one address.
    From(IpAddr),
    /// All on one account, whoever tries.
    On(String),
}

struct Limit<K: Hash + Eq + Clone> {
    limiter: Keyed<K>,
    limit: NonZeroU32,
    ttl: Duration,
}

/// What a caller has left.
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
    reset: Duration,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(ttl: Duration, limit: u32) -> Self {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        // A duration is never zero here: the configuration asks for a millisecond at least, and this for a nanosecond.
        let each = (ttl / limit.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or_else(|| Quota::per_second(limit)).allow_burst(limit);
        Self { limiter: RateLimiter::keyed(quota).with_middleware(), limit, ttl }
    }

    /// What is left, or how long to wait.
    fn check(&self, key: &K) -> Result<Allowance, Duration> {
        match self.limiter.check_key(key) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let used = self.limit.get().saturating_sub(remaining);
                // The time until the allowance is whole again, as it comes back evenly over the period.
                let reset = self.ttl.mul_f64(f64::from(used) / f64::from(self.limit.get()));
                Ok(Allowance { limit: self.limit.get(), remaining, reset })
            }
            Err(not_until) => {
                let retry_after = not_until.wait_time_from(DefaultClock::default().now());
                Err(retry_after.max(Duration::from_secs(1)))
            }
        }
    }

    fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

impl RateLimits {
    /// The limits of the configuration.
    #[must_use]
    pub fn new(config: &ThrottleConfig, trusted_proxies: Vec<IpNet>, tokens: Arc<Tokens>) -> Self {
        Self {
            requests: Limit::new(config.ttl, config.limit),
            attempts: Limit::new(config.ttl, config.login_limit),
            trusted_proxies,
            tokens,
        }
    }

    /// Counts an attempt to log in or to register.
    ///
    /// # Errors
    /// [`ApiError::TooManyRequests`].
    pub fn attempt(&self, attempt: &Attempt) -> Result<(), ApiError> {
        self.attempts
            .check(attempt)
            .map_or_else(|retry_after| Err(ApiError::TooManyRequests { retry_after }), |_| Ok(()))
    }

    /// Forgets whoever has not asked for a while; a job calls it, so that memory does not grow with each address seen.
    pub fn forget_idle(&self) {
        self.requests.forget_idle();
        self.attempts.forget_idle();
    }

    /// Counts a request, by account if it is signed in and by address if not, and leaves the identity with it. What the
    /// caller has left, and the refusal if that is nothing.
    pub(super) fn admit(&self, request: &mut Request) -> (Allowance, Option<ApiError>) {
        let caller = match self.tokens.identify(request.headers()) {
            Some(user) => {
                request.extensions_mut().insert(user);
                Caller::Account(user.id)
            }
            None => Caller::Address(self.address(request.extensions(), request.headers())),
        };
        match self.requests.check(&caller) {
            Ok(allowance) => (allowance, None),
            Err(retry_after) => {
                let allowance = Allowance { limit: self.requests.limit.get(), remaining: 0, reset: retry_after };
                (allowance, Some(ApiError::TooManyRequests { retry_after }))
            }
        }
    }

    /// The network that a request comes from: an address, of version 6 its /64.
    pub(super) fn address(&self, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
        // Without a peer (a test that calls the router directly) all come from one place.
        let peer = extensions.get::<PeerAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        network_of(client_address(peer, headers, &self.trusted_proxies))
    }
}

/// For a handler that anybody may try, such as logging in: counts the attempt by address, more strictly than requests.
#[derive(Debug, Clone, Copy)]
pub struct LimitedAttempt;

impl<S: Send + Sync> FromRequestParts<S> for LimitedAttempt
where
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let limits = Arc::<RateLimits>::from_ref(state);
        limits.attempt(&Attempt::From(limits.address(&parts.extensions, &parts.headers))).map(|()| Self)
    }
}

impl Allowance {
    /// Says so in the answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let mut write = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        write("ratelimit-limit", self.limit.into());
        write("ratelimit-remaining", self.remaining.into());
        write("ratelimit-reset", self.reset.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_a_key_waits_and_the_others_do_not() {
        let limit = Limit::new(Duration::from_mins(1), 3);
        for left in [2, 1, 0] {
            assert_eq!(limit.check(&1).map(|remaining| remaining.remaining).ok(), Some(left));
        }
        let Err(retry_after) = limit.check(&1) else { panic!("let through") };
        assert!(retry_after <= Duration::from_secs(20), "{retry_after:?}");
        assert!(limit.check(&2).is_ok());
    }

    #[test]
    fn a_key_that_is_whole_again_is_forgotten() {
        let limit = Limit::new(Duration::from_millis(1), 1);
        assert!(limit.check(&1).is_ok());
        std::thread::sleep(Duration::from_millis(10));
        limit.forget_idle();
        assert_eq!(limit.limiter.len(), 0);
    }
}
