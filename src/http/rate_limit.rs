//! Rate limits: per account for signed-in clients, per address for others, and a stricter one for registration. The
//! limits of signing in count failures and are part of `features/auth`.
//!
//! Each process counts for itself: the limits blunt abuse and are not used for billing, and a counter in the database
//! would make every request a write.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use governor::RateLimiter;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use ipnet::IpNet;

use super::client_address::{PeerAddress, client_address, network_of};
use super::context;
use super::error::ApiError;
use super::identity::Tokens;
use super::quota::quota;
use super::security_log::SecurityEvent;
use super::weight::WorkLimit;
use crate::config::ThrottleConfig;

type KeyedLimiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The minimum time between two log lines about the same client.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The rate limits of this process.
pub struct RateLimits {
    requests: KeyedLimit<Caller>,
    registrations: KeyedLimit<IpAddr>,
    /// Limits log lines about limited clients to one per minute and client.
    logged: KeyedLimit<Caller>,
    /// The limit of the weight of bulk changes per account.
    pub work: WorkLimit,
    trusted_proxies: Vec<IpNet>,
    tokens: Arc<Tokens>,
}

/// The key that requests are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// A signed-in account.
    Account(i64),
    /// An address (IPv6: a /64) of a client that is not signed in.
    Address(IpAddr),
}

struct KeyedLimit<K: Hash + Eq + Clone> {
    limiter: KeyedLimiter<K>,
    limit: NonZeroU32,
    ttl: Duration,
}

/// The result of counting a request.
pub(super) struct Admission {
    /// The network of the client: an IPv4 address, or the /64 of an IPv6 address.
    pub(super) address: IpAddr,
    /// The remaining allowance.
    pub(super) allowance: Allowance,
    /// The refusal, if the limit is exceeded.
    pub(super) refusal: Option<ApiError>,
}

/// The remaining allowance of a client.
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
    reset: Duration,
}

impl<K: Hash + Eq + Clone> KeyedLimit<K> {
    fn new(ttl: Duration, limit: u32) -> Self {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Self { limiter: RateLimiter::keyed(quota(ttl, limit)).with_middleware(), limit, ttl }
    }

    /// Counts a unit; returns the remaining allowance, or the time to wait.
    fn check(&self, key: &K) -> Result<Allowance, Duration> {
        match self.limiter.check_key(key) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let used = self.limit.get().saturating_sub(remaining);
                // The allowance is refilled evenly over the period, so this is the time until it is complete.
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
    /// Creates the limits from the configuration.
    #[must_use]
    pub fn new(config: &ThrottleConfig, trusted_proxies: Vec<IpNet>, tokens: Arc<Tokens>) -> Self {
        Self {
            requests: KeyedLimit::new(config.ttl, config.limit),
            registrations: KeyedLimit::new(config.ttl, config.login_limit),
            logged: KeyedLimit::new(LOG_INTERVAL, 1),
            work: WorkLimit::new(config.ttl, config.work_limit),
            trusted_proxies,
            tokens,
        }
    }

    /// Logs that a sign-in was refused, at most once a minute per network.
    pub fn log_limited_sign_in(&self, client: IpAddr) {
        if self.logged.check(&Caller::Address(network_of(client))).is_ok() {
            SecurityEvent::SignInLimited.log(Some(client), None);
        }
    }

    /// Removes clients that have not sent requests for a while. A job calls it, so that memory does not grow with each
    /// address.
    pub fn forget_idle(&self) {
        self.requests.forget_idle();
        self.registrations.forget_idle();
        self.logged.forget_idle();
        self.work.forget_idle();
    }

    /// Counts a request, by account if it has a valid token and by address otherwise, and inserts the identity into its
    /// extensions.
    pub(super) fn admit(&self, request: &mut Request) -> Admission {
        let client = self.client(request.extensions(), request.headers());
        let address = network_of(client);
        let user = self.tokens.identify(request.headers());
        context::record_caller(client, user.map(|user| user.id));
        let caller = match user {
            Some(user) => {
                request.extensions_mut().insert(user);
                Caller::Account(user.id)
            }
            None => Caller::Address(address),
        };
        match self.requests.check(&caller) {
            Ok(allowance) => Admission { address, allowance, refusal: None },
            Err(retry_after) => {
                if self.logged.check(&caller).is_ok() {
                    SecurityEvent::RequestLimited.log(Some(client), user.map(|user| user.id));
                }
                let allowance = Allowance { limit: self.requests.limit.get(), remaining: 0, reset: retry_after };
                Admission { address, allowance, refusal: Some(ApiError::TooManyRequests { retry_after }) }
            }
        }
    }

    fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
        // Without a peer (a test that calls the router directly) all requests have the same address.
        let peer = extensions.get::<PeerAddress>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        client_address(peer, headers, &self.trusted_proxies)
    }
}

/// The address of the client of a request.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress {
    /// The full address.
    pub address: IpAddr,
    /// The part of the address that belongs to a single customer; see [`network_of`].
    pub network: IpAddr,
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = Arc::<RateLimits>::from_ref(state).client(&parts.extensions, &parts.headers);
        Ok(Self { address, network: network_of(address) })
    }
}

/// An attempt to register, counted by address with a stricter limit than requests.
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
    /// Writes the `RateLimit-*` headers.
    pub(super) fn write_headers(&self, headers: &mut HeaderMap) {
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
        let limit = KeyedLimit::new(Duration::from_mins(1), 3);
        for left in [2, 1, 0] {
            assert_eq!(limit.check(&1).map(|remaining| remaining.remaining).ok(), Some(left));
        }
        let Err(retry_after) = limit.check(&1) else { panic!("let through") };
        assert!(retry_after <= Duration::from_secs(20), "{retry_after:?}");
        assert!(limit.check(&2).is_ok());
    }

    #[test]
    fn a_key_that_is_whole_again_is_forgotten() {
        let limit = KeyedLimit::new(Duration::from_millis(1), 1);
        assert!(limit.check(&1).is_ok());
        std::thread::sleep(Duration::from_millis(10));
        limit.forget_idle();
        assert_eq!(limit.limiter.len(), 0);
    }
}
