//! The client address of a request. `X-Forwarded-For` is only trusted if the peer is a configured proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

/// The remote end of the connection. The server inserts it into the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// The address of the client: the peer, or, if the peer is a trusted proxy, the last address in `X-Forwarded-For` that
/// is not a trusted proxy.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        warn_of_proxy(client, headers);
        return client;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in forwarded.into_iter().rev() {
        // Anything that is not an address was not written by a trusted proxy; the address before it counts.
        let Some(address) = parse(text.trim()) else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// Parses an address in the forms that proxies write: with or without a port, IPv6 with or without brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bracketed.unwrap_or(text).parse::<IpAddr>().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Warns once about a proxy that is not trusted. All clients behind it would share one address and its limits.
fn warn_of_proxy(peer: IpAddr, headers: &HeaderMap) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
    if forwarded && !WARNED.load(Ordering::Relaxed) && !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            %peer,
            "a request has forwarding headers, but its peer is not a trusted proxy: if it is your proxy, all its \
             clients share one address and its limits until server.trusted_proxies (APP_SERVER__TRUSTED_PROXIES) contains it. X-Forwarded-For is supported, Forwarded is not"
        );
    }
}

/// The part of an address that belongs to a single customer: an IPv4 address, or the /64 of an IPv6 address.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The block around a network that a single customer can easily obtain: a /24 for IPv4, a /48 for IPv6.
#[must_use]
pub fn block_of(network: IpAddr) -> IpAddr {
    match network {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        client_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_who_claims_to_be_a_proxy_is_not_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_the_last_address_that_is_none_counts() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &["198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"], trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["nonsense"], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1:4711"], trusted), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:4711, [2001:db8::2]"], trusted), "2001:db8::2");
        assert_eq!(client("10.0.0.1", &["198.51.100.1:x"], trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], trusted), "10.0.0.1");
    }

    #[test]
    fn a_network_of_version_6_is_one_customer() {
        let network = |text: &str| network_of(text.parse().expect("an address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn a_block_is_what_is_easily_had_together() {
        let block = |text: &str| block_of(text.parse().expect("an address")).to_string();
        assert_eq!(block("2001:db8:1:2::"), "2001:db8:1::");
        assert_eq!(block("203.0.113.9"), "203.0.113.0");
    }
}
