//! How far inside a network an address is, so that a document of the public network leads to no address within.
//!
//! A guard stands between a host's name and its addresses: what it lets through is what is connected to, so a name
//! that changes its addresses between a check and the connection gains nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// How far inside an address is; each kind counts as further inside than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Anybody can reach it.
    Public,
    /// A private network, or one that is not routed.
    Private,
    /// The local link, where clouds keep the credentials of their machines.
    Link,
    /// This machine, or no machine at all.
    Machine,
}

impl Reach {
    /// The kind in words.
    fn as_str(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "an address of a private network",
            Self::Link => "an address of the local link",
            Self::Machine => "an address of this machine",
        }
    }
}

/// How far inside an address is, by the special-purpose registries of IANA (RFC 6890).
fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // "This network" leads to this machine; multicast and the reserved addresses to no single one.
        [0 | 127 | 224..=255, ..] => Reach::Machine,
        [169, 254, ..] => Reach::Link,
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let last = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Reach::Machine,
        // IPv4 in IPv6: mapped, compatible, translated (RFC 4291 §2.5.5, RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => last(high, low),
        // Locally translated, discarded, Teredo, documentation.
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] | [0x2001, 0 | 0xdb8, ..] | [0x3fff, ..] => {
            Reach::Private
        }
        [first, ..] => match first >> 8 {
            0xfe if first & 0xc0 == 0x80 => Reach::Link,
            0xfc..=0xfe => Reach::Private,
            0xff => Reach::Machine,
            _ => Reach::Public,
        },
    }
}

/// What an exchange may connect to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// No further inside than this; without it the user's own word counts.
    pub(crate) limit: Option<Reach>,
    /// This machine alone.
    pub(crate) loopback: bool,
}

/// An address that must not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied(pub(crate) IpAddr);

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.0, reach(self.0).as_str())
    }
}

impl std::error::Error for Denied {}

/// Those of a host's addresses that may be connected to, all of one kind: the outermost that the host has. A host
/// with a public address is a public one, whatever other addresses it claims.
fn choose(addresses: &[SocketAddr], bounds: Bounds) -> Result<Vec<SocketAddr>, Denied> {
    let here = |one: &&SocketAddr| !bounds.loopback || one.ip().to_canonical().is_loopback();
    let outermost = addresses.iter().filter(here).map(|one| reach(one.ip())).min();
    let is_denied = outermost.is_none_or(|found| bounds.limit.is_some_and(|limit| found > limit));
    if let (true, Some(first)) = (is_denied, addresses.first()) {
        return Err(Denied(first.ip()));
    }
    let chosen = addresses.iter().filter(here).filter(|one| Some(reach(one.ip())) == outermost).copied();
    Ok(chosen.collect())
}

/// What is known of the exchange under way, and of the hosts before it.
#[derive(Debug, Default)]
struct State {
    host: String,
    bounds: Bounds,
    /// An address of each host that was connected to.
    known: HashMap<String, IpAddr>,
    denied: Option<Denied>,
}

/// Resolves names for one fetch, whose exchanges come one after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard(Arc<Mutex<State>>);

impl Guard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an exchange. What will not be resolved is judged here: an address in place of a name, and a host to
    /// which a connection may still be open.
    pub(super) fn begin(&self, url: &Url, bounds: Bounds) -> Result<(), Denied> {
        let mut state = self.state();
        state.denied = None;
        state.bounds = bounds;
        url.host_str().unwrap_or_default().clone_into(&mut state.host);
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => state.known.get(&state.host).copied(),
        };
        let Some(address) = address else { return Ok(()) };
        choose(&[SocketAddr::new(address, 0)], bounds)?;
        let host = state.host.clone();
        state.known.insert(host, address);
        Ok(())
    }

    /// How far inside a host is; unknown where a proxy resolves its name.
    pub(super) fn known(&self, url: &Url) -> Option<Reach> {
        self.state().known.get(url.host_str()?).map(|address| reach(*address))
    }

    /// The address that the exchange was kept from.
    pub(super) fn denied(&self) -> Option<Denied> {
        self.state().denied
    }

    fn admit(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Denied> {
        let mut state = self.state();
        if host != state.host {
            // A proxy: the user has named it.
            return Ok(found);
        }
        let chosen = choose(&found, state.bounds).inspect_err(|denied| state.denied = Some(*denied))?;
        state.known.extend(chosen.first().map(|one| (host.to_owned(), one.ip())));
        Ok(chosen)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = guard.admit(name.as_str(), found)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    const TABLE: &[(Reach, &[&str])] = &[
        (
            Reach::Public,
            &[
                "1.1.1.1",
                "8.8.8.8",
                "11.0.0.1",
                "172.15.255.255",
                "172.32.0.1",
                "192.167.1.1",
                "192.0.1.1",
                "100.63.255.255",
                "100.128.0.1",
                "169.253.1.1",
                "198.17.0.1",
                "198.20.0.1",
                "223.255.255.255",
                "126.255.255.255",
                "128.0.0.1",
                "2606:4700::1",
                "2a00:1450::1",
                "2001:4860:4860::8888",
                "::ffff:1.1.1.1",
                "64:ff9b::101:101",
                "2002:101:101::1",
            ],
        ),
        (
            Reach::Private,
            &[
                "10.0.0.0",
                "10.255.255.255",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "100.64.0.1",
                "100.127.255.255",
                "192.0.0.1",
                "192.0.2.7",
                "198.18.0.1",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.9",
                "fc00::1",
                "fdff:ffff::1",
                "fd00:ec2::254",
                "fec0::1",
                "2001:db8::1",
                "2001::1",
                "64:ff9b:1::1",
                "100::1",
                "::ffff:10.0.0.1",
                "::ffff:0:10.1.2.3",
                "::192.168.1.1",
                "64:ff9b::a00:1",
                "2002:c0a8:101::1",
            ],
        ),
        (
            Reach::Link,
            &[
                "169.254.169.254",
                "169.254.0.1",
                "fe80::1",
                "febf::1",
                "::ffff:169.254.169.254",
                "64:ff9b::a9fe:a9fe",
                "2002:a9fe:a9fe::1",
            ],
        ),
        (
            Reach::Machine,
            &[
                "127.0.0.1",
                "127.255.255.254",
                "0.0.0.0",
                "0.1.2.3",
                "224.0.0.1",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::ffff:127.0.0.1",
                "::ffff:0.0.0.0",
                "::127.0.0.1",
                "64:ff9b::7f00:1",
                "2002:7f00:1::1",
                "ff02::1",
            ],
        ),
    ];

    #[test]
    fn every_address_has_its_reach() {
        for (expected, addresses) in TABLE {
            for address in *addresses {
                assert_eq!(reach(address.parse().unwrap()), *expected, "{address}");
            }
        }
    }

    fn chosen(addresses: &[&str], limit: Option<Reach>, loopback: bool) -> Result<Vec<String>, String> {
        let addresses: Vec<_> =
            addresses.iter().map(|one| SocketAddr::new(one.parse().unwrap(), 0)).collect();
        let shown = |list: Vec<SocketAddr>| list.iter().map(|one| one.ip().to_string()).collect();
        choose(&addresses, Bounds { limit, loopback }).map(shown).map_err(|denied| denied.to_string())
    }

    #[test]
    fn a_public_document_leads_nowhere_within() {
        let public = Some(Reach::Public);
        assert_eq!(chosen(&["1.1.1.1"], public, false).unwrap(), ["1.1.1.1"]);
        assert_eq!(
            chosen(&["10.0.0.1"], public, false).unwrap_err(),
            "10.0.0.1, an address of a private network"
        );
        assert_eq!(
            chosen(&["169.254.169.254"], Some(Reach::Private), false).unwrap_err(),
            "169.254.169.254, an address of the local link"
        );
        assert_eq!(
            chosen(&["::ffff:127.0.0.1"], public, false).unwrap_err(),
            "::ffff:127.0.0.1, an address of this machine"
        );
        assert_eq!(chosen(&["10.0.0.1"], Some(Reach::Machine), false).unwrap(), ["10.0.0.1"]);
    }

    #[test]
    fn a_host_with_a_public_address_is_a_public_host() {
        for limit in [None, Some(Reach::Public)] {
            assert_eq!(chosen(&["127.0.0.1", "1.1.1.1", "::1"], limit, false).unwrap(), ["1.1.1.1"]);
        }
        assert_eq!(chosen(&["127.0.1.1", "192.168.1.5"], None, false).unwrap(), ["192.168.1.5"]);
    }

    #[test]
    fn what_goes_unencrypted_stays_on_this_machine() {
        assert_eq!(chosen(&["192.168.1.5", "127.0.0.1"], None, true).unwrap(), ["127.0.0.1"]);
        assert_eq!(chosen(&["1.1.1.1"], None, true).unwrap_err(), "1.1.1.1, a public address");
        assert!(chosen(&["0.0.0.0"], None, true).is_err());
    }

    #[test]
    fn a_name_that_moves_inside_is_stopped() {
        let (guard, url) = (Guard::default(), Url::parse("https://moves.example/").unwrap());
        let at = |address: &str| vec![SocketAddr::new(address.parse().unwrap(), 0)];
        guard.begin(&url, Bounds::default()).unwrap();
        assert_eq!(guard.admit("moves.example", at("1.1.1.1")).unwrap(), at("1.1.1.1"));
        assert_eq!(guard.known(&url), Some(Reach::Public));
        guard.begin(&url, Bounds { limit: Some(Reach::Public), loopback: false }).unwrap();
        assert!(guard.admit("moves.example", at("127.0.0.1")).is_err());
        assert_eq!(guard.denied().unwrap().to_string(), "127.0.0.1, an address of this machine");
        assert_eq!(guard.admit("proxy.example", at("10.0.0.1")).unwrap(), at("10.0.0.1"), "a proxy");
    }

    #[test]
    fn an_address_in_place_of_a_name_is_judged_without_resolving() {
        let begin = |url: &str| {
            let bounds = Bounds { limit: Some(Reach::Public), loopback: false };
            Guard::default().begin(&Url::parse(url).unwrap(), bounds).is_ok()
        };
        assert!(begin("https://1.1.1.1/"));
        for inside in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::]/",
            "http://0/",
        ] {
            assert!(!begin(inside), "{inside}");
        }
    }
}
