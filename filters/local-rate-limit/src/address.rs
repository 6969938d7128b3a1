//! Client addresses: ranges, prefixes, and the address that proxies report.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tollgate_filter_common::json::{Fault, FromJson, Node};

/// A range of addresses such as `10.0.0.0/8`; without a length, one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// Says whether the address is in the range.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && Prefixes {
                v4: self.length,
                v6: self.length,
            }
            .mask(address)
                == self.address
    }
}

impl FromJson for Cidr {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not an address or range; write 10.0.0.0/8 or 2001:db8::1");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.as_str(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length.parse().map_err(|_| wrong())?,
            None => whole,
        };
        if length > whole {
            return Err(wrong());
        }
        if (Prefixes {
            v4: length,
            v6: length,
        })
        .mask(address)
            != address
        {
            return Err(format!("`{text}` has bits after its first {length}"));
        }
        Ok(Self { address, length })
    }
}

/// How many bits of an address tell clients apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefixes {
    /// Of 32.
    pub(crate) v4: u8,
    /// Of 128. A household usually has 64 bits of its own.
    pub(crate) v6: u8,
}

impl Prefixes {
    /// Clears what does not tell clients apart.
    pub(crate) fn mask(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(self.v4.min(32)))
                    .unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.v6.min(128)))
                    .unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() & mask).into()
            }
        }
    }
}

/// Returns the address that the n-th proxy from the end of `x-forwarded-for` saw, for n > 0.
pub(crate) fn forwarded(header: &[u8], hops: u32) -> Option<IpAddr> {
    let back = usize::try_from(hops.checked_sub(1)?).ok()?;
    let entry = header.rsplit(|byte| *byte == b',').nth(back)?;
    parse(std::str::from_utf8(entry.trim_ascii()).ok()?)
}

/// Reads an address with or without brackets and port.
fn parse(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let before_port = text.split(':').next();
    let address = text.parse().ok();
    let address = address.or_else(|| bracketed?.parse().ok());
    let address: IpAddr = address.or_else(|| before_port?.parse().ok())?;
    // The same client in both families is one client.
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::{Cidr, Prefixes, forwarded};
    use std::net::IpAddr;

    fn cidr(text: &str) -> Result<Cidr, String> {
        Cidr::try_from(text.to_owned())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_contains_what_begins_as_it_does() {
        let range = cidr("10.1.0.0/16").unwrap();
        assert!(range.contains(ip("10.1.2.3")));
        assert!(!range.contains(ip("10.2.2.3")));
        assert!(!range.contains(ip("::1")));
        assert!(cidr("0.0.0.0/0").unwrap().contains(ip("1.2.3.4")));
        assert!(cidr("2001:db8::/32").unwrap().contains(ip("2001:db8:1::1")));
        assert!(cidr("::1").unwrap().contains(ip("::1")));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "a/8",
        ] {
            assert!(cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_with_the_same_prefix_are_one() {
        let prefixes = Prefixes { v4: 24, v6: 64 };
        assert_eq!(prefixes.mask(ip("10.1.2.3")), ip("10.1.2.0"));
        assert_eq!(prefixes.mask(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert_eq!(
            Prefixes { v4: 0, v6: 0 }.mask(ip("10.1.2.3")),
            ip("0.0.0.0")
        );
        assert_eq!(Prefixes { v4: 32, v6: 128 }.mask(ip("::5")), ip("::5"));
    }

    #[test]
    fn hops_count_from_the_end_of_the_header() {
        let header = b"6.6.6.6, 1.2.3.4,10.0.0.1:55, [2001:db8::1]:443";
        assert_eq!(forwarded(header, 1), Some(ip("2001:db8::1")));
        assert_eq!(forwarded(header, 2), Some(ip("10.0.0.1")));
        assert_eq!(forwarded(header, 3), Some(ip("1.2.3.4")));
        assert_eq!(forwarded(header, 5), None);
        assert_eq!(forwarded(header, 0), None);
        assert_eq!(forwarded(b"unknown", 1), None);
        assert_eq!(forwarded(b"::ffff:1.2.3.4", 1), Some(ip("1.2.3.4")));
    }
}
