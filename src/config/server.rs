//! `[server]`: listening, limits, CORS, proxies.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::Profile;
use super::reader::{Reader, Setting};

/// What no machine needs more of; asking the system for more only fails later, and worse.
const MAX_WORKERS: u16 = 1024;

/// Listening, limits, CORS.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address to listen on.
    pub address: SocketAddr,
    /// Threads that serve. One a processor if nothing is set.
    pub worker_threads: usize,
    /// The address of the internal listener, with the metrics and the health in detail; `None` if it is off.
    pub internal: Option<SocketAddr>,
    /// Whether the OpenAPI document and Swagger UI are served.
    pub docs: bool,
    /// Connections held at once; a newcomer displaces one that is idle.
    pub max_connections: usize,
    /// Connections that one address, of version 6 one /64, holds at once; trusted proxies have no such limit.
    pub max_connections_per_address: usize,
    /// Requests worked on at once; more are answered 503 `OVERLOADED` at once.
    pub max_in_flight: usize,
    /// Requests of one account worked on at once; more wait for the others of it.
    pub max_in_flight_per_account: usize,
    /// Requests from one address, of version 6 one /64, worked on at once; more wait for the others of it.
    pub max_in_flight_per_address: usize,
    /// The largest body in bytes; larger is 413.
    pub max_body_bytes: usize,
    /// Bytes that all bodies which are arriving may take together, but for the first 16 KiB of each; past them 503.
    pub body_memory_bytes: usize,
    /// Bytes that all answers which wait for their clients may take together, but for small ones; past them 503.
    pub answer_memory_bytes: usize,
    /// For a body to arrive; one of more than 16 KiB has a second more for each 16 KiB.
    pub body_timeout: Duration,
    /// From the first byte of the request to the head of the answer; longer is 408.
    pub request_timeout: Duration,
    /// For the head of a request to arrive, and for a kept connection to stay silent.
    pub header_timeout: Duration,
    /// How long a client may take nothing of a streamed answer before it is cut off.
    pub stall_timeout: Duration,
    /// What requests under way are given when the server stops.
    pub drain_timeout: Duration,
    /// The origins that a browser may call from.
    pub cors: CorsOrigins,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// The origins that a browser may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Any.
    Any,
    /// These, such as `https://expenses.example.com`. None: no other origin than the server's own.
    These(Vec<String>),
}

impl ServerConfig {
    pub(super) fn read(reader: &mut Reader<'_>, profile: Profile) -> Option<Self> {
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

/// The internal listener: an address and a port, or `off`.
#[expect(clippy::option_option, reason = "off is one thing, wrong another")]
fn read_internal(reader: &mut Reader<'_>) -> Option<Option<SocketAddr>> {
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

fn read_workers(reader: &mut Reader<'_>) -> Option<usize> {
    const KEY: &str = "server.worker_threads";
    let all = || u16::try_from(processors()).map_or(MAX_WORKERS, |threads| threads.min(MAX_WORKERS));
    let threads = positive_or(reader, KEY, all)?;
    if threads > MAX_WORKERS {
        reader.refuse(KEY, "more threads than a system gives", &format!("set {MAX_WORKERS} at most, or leave it out"));
        return None;
    }
    Some(threads.into())
}

/// The processors that this process may use.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// A whole number above 0, or what stands for it where it is left out.
pub(super) fn positive_or<N>(reader: &mut Reader<'_>, key: &'static str, default: impl FnOnce() -> N) -> Option<N>
where
    N: Setting + Default + PartialEq,
{
    let number = reader.optional::<N>(key, "a whole number above 0")?;
    if number == Some(N::default()) {
        reader.refuse(key, "0 would let nothing through", "set a whole number above 0, or leave it out");
        return None;
    }
    Some(number.unwrap_or_else(default))
}

/// A whole number above 0.
pub(super) fn positive(reader: &mut Reader<'_>, key: &'static str) -> Option<usize> {
    let number = reader.required::<u32>(key, "a whole number above 0")?;
    if number == 0 {
        reader.refuse(key, "0 would let nothing through", "set a whole number above 0");
        return None;
    }
    usize::try_from(number).ok()
}

fn read_origins(reader: &mut Reader<'_>, profile: Profile) -> Option<CorsOrigins> {
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
        let problem = format!("{wrong:?} is no origin");
        reader.refuse(KEY, &problem, "an origin is scheme, host and port with no path: https://expenses.example.com");
        return None;
    }
    Some(CorsOrigins::These(origins))
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic() && !"/?#@".contains(c)))
}
