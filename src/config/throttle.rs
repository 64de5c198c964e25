//! `[throttle]`: rate limits.

use std::time::Duration;

use super::reader::SettingsReader;

/// Rate limits: per account for signed-in clients, per address for all others.
#[derive(Debug, Clone)]
pub struct ThrottleConfig {
    /// The period of the limits.
    pub ttl: Duration,
    /// Requests per period.
    pub limit: u32,
    /// Failed sign-ins to one account from one address per period; also registrations from one address.
    pub login_limit: u32,
    /// Failed sign-ins from one address per period, to any account.
    pub login_address_limit: u32,
    /// Failed sign-ins to one account per period, from any address. Beyond it, each address may fail once.
    pub login_account_limit: u32,
    /// The weight of bulk changes per account and period. A row weighs 1, or more with a long text.
    pub work_limit: u32,
}

/// A plain number in `THROTTLE_TTL` below this is seconds (as in NestJS's throttler before version 5), otherwise
/// milliseconds (as in later versions). Nobody counts requests in less than a second, or over more than a quarter of
/// an hour.
const MIN_MILLISECONDS: u64 = 1_000;

impl ThrottleConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
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

fn read_ttl(reader: &mut SettingsReader<'_>, text: &str) -> Option<Duration> {
    let ttl = match text.parse::<u64>() {
        Ok(seconds) if seconds < MIN_MILLISECONDS => Some(Duration::from_secs(seconds)),
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    let ttl = ttl.filter(|ttl| (Duration::from_millis(1)..=Duration::from_hours(24)).contains(ttl));
    if ttl.is_none() {
        let problem = format!("`{text}` (from {}) is not a duration of at most a day", reader.origin("throttle.ttl"));
        reader.refuse("throttle.ttl", &problem, "set for example 60s, 60 (seconds) or 60000 (milliseconds)");
    }
    ttl
}
