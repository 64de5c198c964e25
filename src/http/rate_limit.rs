//! Rate limits: by account for who is signed in, by address for who is not, and a stricter one for registering. Those of
//! signing in count failures, and are the business of `features/auth`.
//!
//! They are counted in each process for itself: a limit is there to blunt abuse, not to bill, and a counter in the
//! database would make every request a write.

use std::convert::Infallible;
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
use super::context;
use super::error::ApiError;
use super::identity::Tokens;
use super::security_log::SecurityEvent;
use super::weight::WorkLimit;
use crate::config::ThrottleConfig;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// A line about who is over a limit is written again after this time.
const TOLD_AGAIN: Duration = Duration::from_mins(1);

/// The limits of one process.
pub struct RateLimits {
    requests: Limit<Caller>,
    registrations: Limit<IpAddr>,
    /// Lines about who is over a limit: one a minute for each.
    told: Limit<Caller>,
    /// The weight of what accounts change many rows by.
    pub work: WorkLimit,
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

struct Limit<K: Hash + Eq + Clone> {
    limiter: Keyed<K>,
    limit: NonZeroU32,
    ttl: Duration,
}

/// What counting a request has found.
pub(super) struct Admission {
    /// The network that it comes from: an address, of version 6 its /64.
    pub(super) address: IpAddr,
    /// What its caller has left.
    pub(super) allowance: Allowance,
    /// The refusal, if that is nothing.
    pub(super) excess: Option<ApiError>,
}

/// What a caller has left.
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
    reset: Duration,
}

/// Allows `limit` units in `ttl`, at once or bit by bit.
pub(super) fn quota(ttl: Duration, limit: NonZeroU32) -> Quota {
    // A duration is never zero here: the configuration asks for a millisecond at least, and this for a nanosecond.
    let each = (ttl / limit.get()).max(Duration::from_nanos(1));
    Quota::with_period(each).unwrap_or_else(|| Quota::per_second(limit)).allow_burst(limit)
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(ttl: Duration, limit: u32) -> Self {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Self { limiter: RateLimiter::keyed(quota(ttl, limit)).with_middleware(), limit, ttl }
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
            registrations: Limit::new(config.ttl, config.login_limit),
            told: Limit::new(TOLD_AGAIN, 1),
            work: WorkLimit::new(config.ttl, config.work_limit),
            trusted_proxies,
            tokens,
        }
    }

    /// Logs that a sign-in from an address was refused, once a minute for each network.
    pub fn tell_limited_sign_in(&self, client: IpAddr) {
        if self.told.check(&Caller::Address(network_of(client))).is_ok() {
            SecurityEvent::SignInLimited.log(Some(client), None);
        }
    }

    /// Forgets whoever has not asked for a while; a job calls it, so that memory does not grow with each address seen.
    pub fn forget_idle(&self) {
        self.requests.forget_idle();
        self.registrations.forget_idle();
        self.told.forget_idle();
        self.work.forget_idle();
    }

    /// Counts a request, by account if it is signed in and by address if not, and leaves the identity with it.
    pub(super) fn admit(&self, request: &mut Request) -> Admission {
        let client = self.client(request.extensions(), request.headers());
        let address = network_of(client);
        let user = self.tokens.identify(request.headers());
        context::note_caller(client, user.map(|user| user.id));
        let caller = match user {
            Some(user) => {
                request.extensions_mut().insert(user);
                Caller::Account(user.id)
            }
            None => Caller::Address(address),
        };
        match self.requests.check(&caller) {
            Ok(allowance) => Admission { address, allowance, excess: None },
            Err(retry_after) => {
                if self.told.check(&caller).is_ok() {
                    SecurityEvent::RequestLimited.log(Some(client), user.map(|user| user.id));
                }
                let allowance = Allowance { limit: self.requests.limit.get(), remaining: 0, reset: retry_after };
                Admission { address, allowance, excess: Some(ApiError::TooManyRequests { retry_after }) }
            }
        }
    }

    fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
        // Without a peer (a test that calls the router directly) all come from one place.
        let peer = extensions.get::<PeerAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        client_address(peer, headers, &self.trusted_proxies)
    }
}

/// The client that a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// The address as far as one customer has it to himself.
    pub network: IpAddr,
}

impl<S: Send + Sync> FromRequestParts<S> for Client
where
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = Arc::<RateLimits>::from_ref(state).client(&parts.extensions, &parts.headers);
        Ok(Self { address, network: network_of(address) })
    }
}

/// For registering, which anybody may try: counts the attempt by address, more strictly than requests.
#[derive(Debug, Clone, Copy)]
pub struct LimitedAttempt;

impl<S: Send + Sync> FromRequestParts<S> for LimitedAttempt
where
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let limits = Arc::<RateLimits>::from_ref(state);
        let network = network_of(limits.client(&parts.extensions, &parts.headers));
        let counted = limits.registrations.check(&network);
        counted.map_or_else(|retry_after| Err(ApiError::TooManyRequests { retry_after }), |_| Ok(Self))
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
