//! `[server]`: addresses, limits, CORS, proxies.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::profile::Profile;
use super::reader::{SettingValue, SettingsReader};

/// The maximum number of worker threads. No machine needs more, and asking the system for more only fails later, and
/// worse.
const MAX_WORKERS: u16 = 1024;

/// The settings of the HTTP server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address to listen on.
    pub address: SocketAddr,
    /// Threads that serve requests. Defaults to one per processor.
    pub worker_threads: usize,
    /// The address of the internal listener, with metrics and detailed health; `None` if it is off.
    pub internal: Option<SocketAddr>,
    /// Serve the OpenAPI document and Swagger UI.
    pub docs: bool,
    /// The maximum number of connections. A new connection displaces an idle one.
    pub max_connections: usize,
    /// The maximum number of connections per address (IPv6: per /64). Trusted proxies have no such limit.
    pub max_connections_per_address: usize,
    /// The maximum number of requests in progress. More are answered 503 `OVERLOADED` immediately.
    pub max_in_flight: usize,
    /// The maximum number of requests in progress per account. More wait.
    pub max_in_flight_per_account: usize,
    /// The maximum number of requests in progress per address (IPv6: per /64). More wait.
    pub max_in_flight_per_address: usize,
    /// The maximum size of a request body, in bytes. Larger bodies are answered 413.
    pub max_body_bytes: usize,
    /// The maximum number of bytes of all request bodies that are arriving, not counting the first 16 KiB of each.
    /// Beyond it, requests are answered 503.
    pub body_memory_bytes: usize,
    /// The maximum number of bytes of all responses that wait for their clients, not counting small ones. Beyond it,
    /// requests are answered 503.
    pub answer_memory_bytes: usize,
    /// The time for a body to arrive. A body of more than 16 KiB has one more second per 16 KiB.
    pub body_timeout: Duration,
    /// The time from the first byte of a request to the head of its response. Longer is answered 408.
    pub request_timeout: Duration,
    /// The time for the head of a request to arrive, and for a kept connection to stay silent.
    pub header_timeout: Duration,
    /// The time that a client may read nothing of a streamed response before its connection is closed.
    pub stall_timeout: Duration,
    /// The time that requests in progress are given when the server stops.
    pub drain_timeout: Duration,
    /// The origins that browsers may call from.
    pub cors: CorsOrigins,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
}

/// The origins that browsers may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Any origin.
    Any,
    /// The listed origins, such as `https://expenses.example.com`. An empty list allows no origin but the server's own.
    These(Vec<String>),
}

impl ServerConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>, profile: Profile) -> Option<Self> {
        let host = reader.required::<IpAddr>("server.host", "an IP address, such as 0.0.0.0 or ::1");
        let port = reader.required::<u16>("server.port", "a port from 0 to 65535");
        let worker_threads = read_workers(reader);
        let internal = read_internal(reader);
        let docs = reader.required::<bool>("server.docs", "true or false");
        let max_connections = positive(reader, "server.max_connections");
        let max_connections_per_address = positive(reader, "server.max_connections_per_address");
        let max_in_flight_per_account = positive(reader, "server.max_in_flight_per_account");
        let max_in_flight_per_address = positive(reader, "server.max_in_flight_per_address");
        let body_memory_bytes = positive(reader, "server.body_memory_bytes");
        let answer_memory_bytes = positive(reader, "server.answer_memory_bytes");
        let body_timeout = reader.required("server.body_timeout", "a duration such as 10s");
        let max_in_flight = positive(reader, "server.max_in_flight");
        let max_body_bytes = positive(reader, "server.max_body_bytes");
        let request_timeout = reader.required("server.request_timeout", "a duration such as 30s");
        let header_timeout = reader.required("server.header_timeout", "a duration such as 10s");
        let stall_timeout = reader.required("server.stall_timeout", "a duration such as 30s");
        let drain_timeout = reader.required("server.drain_timeout", "a duration such as 30s");
        let cors = read_origins(reader, profile);
        let trusted_proxies = reader
            .optional::<Vec<IpNet>>("server.trusted_proxies", "a list of networks such as 10.0.0.0/8, 127.0.0.1/32");
        Some(Self {
            address: SocketAddr::new(host?, port?),
            worker_threads: worker_threads?,
            internal: internal?,
            docs: docs?,
            max_connections: max_connections?,
            max_connections_per_address: max_connections_per_address?,
            max_in_flight_per_account: max_in_flight_per_account?,
            max_in_flight_per_address: max_in_flight_per_address?,
            body_memory_bytes: body_memory_bytes?,
            answer_memory_bytes: answer_memory_bytes?,
            body_timeout: body_timeout?,
            max_in_flight: max_in_flight?,
            max_body_bytes: max_body_bytes?,
            request_timeout: request_timeout?,
            header_timeout: header_timeout?,
            stall_timeout: stall_timeout?,
            drain_timeout: drain_timeout?,
            cors: cors?,
            trusted_proxies: trusted_proxies?.unwrap_or_default(),
        })
    }
}

/// Reads the address of the internal listener, or `off`.
#[expect(clippy::option_option, reason = "off is one thing, wrong another")]
fn read_internal(reader: &mut SettingsReader<'_>) -> Option<Option<SocketAddr>> {
    const KEY: &str = "server.internal";
    const ALLOWED: &str = "an address and a port such as 127.0.0.1:9464, or off";
    let text = reader.required::<String>(KEY, ALLOWED)?;
    if text.trim() == "off" {
        return Some(None);
    }
    let address = text.trim().parse().ok();
    if address.is_none() {
        reader.refuse(KEY, &format!("`{text}` (from {}) is not {ALLOWED}", reader.origin(KEY)), "nothing was started");
    }
    address.map(Some)
}

fn read_workers(reader: &mut SettingsReader<'_>) -> Option<usize> {
    const KEY: &str = "server.worker_threads";
    let all = || u16::try_from(processors()).map_or(MAX_WORKERS, |threads| threads.min(MAX_WORKERS));
    let threads = positive_or(reader, KEY, all)?;
    if threads > MAX_WORKERS {
        let remedy = format!("set {MAX_WORKERS} at most, or leave it out");
        reader.refuse(KEY, "more threads than any machine needs", &remedy);
        return None;
    }
    Some(threads.into())
}

/// The number of processors that this process may use.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Reads a whole number above 0, or returns the default if it is left out.
pub(super) fn positive_or<N>(
    reader: &mut SettingsReader<'_>,
    key: &'static str,
    default: impl FnOnce() -> N,
) -> Option<N>
where
    N: SettingValue + Default + PartialEq,
{
    let number = reader.optional::<N>(key, "a whole number above 0")?;
    if number == Some(N::default()) {
        reader.refuse(key, "0 would let nothing through", "set a whole number above 0, or leave it out");
        return None;
    }
    Some(number.unwrap_or_else(default))
}

/// Reads a whole number above 0.
pub(super) fn positive(reader: &mut SettingsReader<'_>, key: &'static str) -> Option<usize> {
    let number = reader.required::<u32>(key, "a whole number above 0")?;
    if number == 0 {
        reader.refuse(key, "0 would let nothing through", "set a whole number above 0");
        return None;
    }
    usize::try_from(number).ok()
}

fn read_origins(reader: &mut SettingsReader<'_>, profile: Profile) -> Option<CorsOrigins> {
    const KEY: &str = "server.cors_origins";
    let origins = reader.optional::<Vec<String>>(KEY, "a list of origins such as https://expenses.example.com")?;
    let origins = origins.unwrap_or_default();
    if origins.iter().any(|origin| origin == "*") {
        if profile == Profile::Prod {
            reader.refuse(KEY, "`*` lets any site call the API", "in prod, name the origins of your web client");
            return None;
        }
        return Some(CorsOrigins::Any);
    }
    let wrong: Vec<&String> = origins.iter().filter(|origin| !is_origin(origin)).collect();
    if !wrong.is_empty() {
        let problem = format!("{wrong:?} is not a valid origin");
        reader.refuse(KEY, &problem, "an origin is scheme, host and port with no path: https://expenses.example.com");
        return None;
    }
    Some(CorsOrigins::These(origins))
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && !"/?#@".contains(c)))
}
