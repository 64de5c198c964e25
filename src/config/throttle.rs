//! `[throttle]`: rate limits.

use std::time::Duration;

use super::reader::Reader;

/// Rate limits, by account for who is signed in and by address for who is not.
#[derive(Debug, Clone)]
pub struct ThrottleConfig {
    /// The time that the limits are counted in.
    pub ttl: Duration,
    /// Requests in that time.
    pub limit: u32,
    /// Failures to sign in to one account from one address in that time; and registrations from one address.
    pub login_limit: u32,
    /// Failures to sign in from one address in that time, whatever the accounts.
    pub login_address_limit: u32,
    /// Failures to sign in to one account in that time, whatever the addresses; past it each address has one.
    pub login_account_limit: u32,
    /// The weight of changes of many rows in that time, by account: a row weighs 1, and more with a long text.
    pub work_limit: u32,
}

/// A bare number of `THROTTLE_TTL` under this is seconds (as NestJS's throttler before version 5 has it), from it on
/// milliseconds (as later ones have it): nobody counts requests in tenths of a second, nor over a quarter of an hour.
const FIRST_MILLISECONDS: u64 = 1_000;

impl ThrottleConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const NUMBER: &str = "a whole number above 0";
        let ttl = reader.required::<String>("throttle.ttl", "a duration such as 60s");
        let ttl = ttl.and_then(|text| read_ttl(reader, text.trim()));
        let limit = reader.required::<u32>("throttle.limit", NUMBER);
        let login_limit = reader.required::<u32>("throttle.login_limit", NUMBER);
        let login_address_limit = reader.required::<u32>("throttle.login_address_limit", NUMBER);
        let login_account_limit = reader.required::<u32>("throttle.login_account_limit", NUMBER);
        let work_limit = reader.required::<u32>("throttle.work_limit", NUMBER);
        for (key, value) in [
            ("throttle.limit", limit),
            ("throttle.login_limit", login_limit),
            ("throttle.login_address_limit", login_address_limit),
            ("throttle.login_account_limit", login_account_limit),
            ("throttle.work_limit", work_limit),
        ] {
            if value == Some(0) {
                reader.refuse(key, "0 would let nothing through", "set a whole number above 0");
                return None;
            }
        }
        Some(Self {
            ttl: ttl?,
            limit: limit?,
            login_limit: login_limit?,
            login_address_limit: login_address_limit?,
            login_account_limit: login_account_limit?,
            work_limit: work_limit?,
        })
    }
}

fn read_ttl(reader: &mut Reader<'_>, text: &str) -> Option<Duration> {
    let ttl = match text.parse::<u64>() {
        Ok(seconds) if seconds < FIRST_MILLISECONDS => Some(Duration::from_secs(seconds)),
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    let ttl = ttl.filter(|ttl| (Duration::from_millis(1)..=Duration::from_hours(24)).contains(ttl));
    if ttl.is_none() {
        let problem = format!("`{text}` (from {}) is no duration up to a day", reader.origin("throttle.ttl"));
        reader.refuse("throttle.ttl", &problem, "set for example 60s, 60 (seconds) or 60000 (milliseconds)");
    }
    ttl
}
