//! Addresses and networks: what Panther's blocks and LogScale's IP filters are made of.

use std::net::IpAddr;

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    bits: u128,
    /// Counted in the 128 bits, so that an IPv4 block has 96 more.
    prefix: u32,
}

impl Network {
    /// Every address of both families.
    pub(crate) const ALL: Self = Self { bits: 0, prefix: 0 };

    /// Reads `192.0.2.0/24` or `2001:db8::/32`; bits beyond the prefix are ignored.
    pub(crate) fn parse_block(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u32 =
            is_number.then(|| prefix.parse().ok()).flatten().filter(|prefix| *prefix <= widest)?;
        Some(Self { bits: bits_of(address), prefix: prefix + 128 - widest })
    }

    /// Reads a block, or an address that stands for itself alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::parse_block(text).or_else(|| {
            let address: IpAddr = text.parse().ok()?;
            Some(Self { bits: bits_of(address), prefix: 128 })
        })
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let shift = 128 - self.prefix;
        bits_of(address).checked_shr(shift) == self.bits.checked_shr(shift)
    }

    /// How narrow it is: more leading bits are narrower.
    pub(crate) fn prefix(self) -> u32 {
        self.prefix
    }
}

/// An address in 128 bits; IPv4 in its mapped form (RFC 4291 §2.5.5.2).
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("127.0.0.1/32", "127.0.0.1"));
        assert!(holds("192.168.0.1/24", "192.168.0.200"));
        assert!(!holds("192.168.0.1/24", "192.168.1.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "::1"));
        assert!(holds("::1", "::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(Network::ALL.contains("1.2.3.4".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "::1/129", "all", "10.0.0.1"]
        {
            assert_eq!(Network::parse_block(text), None, "{text}");
        }
    }
}
