//! Which addresses a delivery may connect to.
//!
//! The person who adds a channel chooses an address, and Lanyard connects to it from inside a network. Without a rule, a channel would
//! reach services there that trust their neighbours, such as a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// The addresses that a delivery may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public addresses.
    Public,
    /// Public and private ones.
    Anywhere,
    /// Private ones, loopback included: for deliveries without TLS.
    Private,
    /// Loopback.
    Loopback,
}

/// An address that a delivery may not connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("its address {address} is {class}")]
pub struct RefusedAddress {
    /// The address.
    pub address: IpAddr,
    class: &'static str,
    /// Whether the channel could be allowed to connect to it.
    pub can_be_allowed: bool,
}

impl Reach {
    /// Refuses an address that is out of reach.
    pub(crate) fn admit(self, address: IpAddr) -> Result<(), RefusedAddress> {
        let class = Class::of(address);
        let is_admitted = self.admits(class);
        if is_admitted { Ok(()) } else { Err(self.refused(address, class)) }
    }

    fn admits(self, class: Class) -> bool {
        match (self, class) {
            // An address within another one: only where private ones are admitted, and only if it is admitted itself.
            (Self::Anywhere | Self::Private, Class::Embedded(_, inner)) => self.admits(Class::of(inner.into())),
            (Self::Public | Self::Anywhere, Class::Public)
            | (Self::Anywhere | Self::Private, Class::Private(_) | Class::Loopback)
            | (Self::Loopback, Class::Loopback) => true,
            _ => false,
        }
    }

    fn refused(self, address: IpAddr, class: Class) -> RefusedAddress {
        let can_be_allowed = self == Self::Public && Self::Anywhere.admits(class);
        let class = match class {
            Class::Public => "public; without TLS it must be private",
            Class::Loopback => "a loopback address",
            Class::Private(name) | Class::Never(name) | Class::Embedded(name, _) => name,
        };
        RefusedAddress { address, class, can_be_allowed }
    }
}

/// What an address is for (IANA's registries of special-purpose addresses).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Public,
    Loopback,
    Private(&'static str),
    /// An IPv4 address within an IPv6 address.
    Embedded(&'static str, Ipv4Addr),
    /// No channel ever has a reason to connect to it.
    Never(&'static str),
}

impl Class {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [169, 254, ..] => Self::Never(LINK_LOCAL),
            // Alibaba's, Azure's and Oracle's; AWS, Google and most others use 169.254.169.254.
            [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Self::Never(METADATA),
            [0, ..] => Self::Never("unspecified"),
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private("private"),
            [100, 64..=127, ..] => Self::Private("shared between a provider's customers (CGNAT)"),
            [198, 18..=19, ..] => Self::Private("for benchmarks"),
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Private(DOCUMENTATION),
            [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Self::Never(RESERVED),
            [224..=239, ..] => Self::Never(MULTICAST),
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let embedded = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Ipv4Addr::new(a, b, c, d)
        };
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Never("unspecified"),
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0xffff, high, low] => Self::Embedded("an IPv4-mapped address", embedded(high, low)),
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Self::Embedded("behind a translator (NAT64)", embedded(high, low)),
            [0x2002, high, low, ..] => Self::Embedded("behind a relay (6to4)", embedded(high, low)),
            // AWS's and Google's.
            [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Self::Never(METADATA),
            [0xfc00..=0xfdff, ..] => Self::Private("unique to a site"),
            [0xfec0..=0xfeff, ..] => Self::Private("local to a site"),
            [0xfe80..=0xfebf, ..] => Self::Never(LINK_LOCAL),
            [0xff00..=0xffff, ..] => Self::Never(MULTICAST),
            [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Self::Private(DOCUMENTATION),
            // Teredo, benchmarks and other protocols' own addresses.
            [0x2001, 0..=0x1ff, ..] => Self::Never(RESERVED),
            [0x2000..=0x3fff, ..] => Self::Public,
            // Among them translators of a network's own (64:ff9b:1::/48), which can lead anywhere.
            _ => Self::Never(RESERVED),
        }
    }
}

const LINK_LOCAL: &str = "local to a link";
const METADATA: &str = "a cloud's metadata service";
const DOCUMENTATION: &str = "for documentation";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "reserved";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For each address: whether a public, an unlimited, a private and a loopback reach admit it.
    #[test]
    fn each_kind_of_address_is_admitted_where_it_belongs() {
        for (address, expected) in [
            ("8.8.8.8", "pa.."),
            ("1.1.1.1", "pa.."),
            ("172.15.0.1", "pa.."),
            ("172.32.0.1", "pa.."),
            ("100.63.0.1", "pa.."),
            ("100.128.0.1", "pa.."),
            ("192.0.1.1", "pa.."),
            ("198.17.0.1", "pa.."),
            ("223.255.255.255", "pa.."),
            ("2606:4700::1111", "pa.."),
            ("2001:4860:4860::8888", "pa.."),
            ("2001:200::1", "pa.."),
            ("127.0.0.1", ".aql"),
            ("127.255.0.9", ".aql"),
            ("::1", ".aql"),
            ("10.0.0.1", ".aq."),
            ("172.16.0.1", ".aq."),
            ("172.31.255.255", ".aq."),
            ("192.168.1.1", ".aq."),
            ("100.64.0.1", ".aq."),
            ("100.127.255.255", ".aq."),
            ("198.18.0.1", ".aq."),
            ("192.0.2.1", ".aq."),
            ("198.51.100.1", ".aq."),
            ("203.0.113.1", ".aq."),
            ("fc00::1", ".aq."),
            ("fd12:3456::1", ".aq."),
            ("fec0::1", ".aq."),
            ("2001:db8::1", ".aq."),
            ("3fff:fff::1", ".aq."),
            // An address within another one is never taken for a public one.
            ("::ffff:8.8.8.8", ".a.."),
            ("64:ff9b::8.8.8.8", ".a.."),
            ("2002:808:808::1", ".a.."),
            ("::ffff:10.0.0.1", ".aq."),
            ("64:ff9b::10.0.0.1", ".aq."),
            ("2002:a00:1::1", ".aq."),
            ("::ffff:127.0.0.1", ".aq."),
            // Never.
            ("169.254.169.254", "...."),
            ("169.254.0.1", "...."),
            ("::ffff:169.254.169.254", "...."),
            ("64:ff9b::169.254.169.254", "...."),
            ("2002:a9fe:a9fe::1", "...."),
            ("fe80::1", "...."),
            ("febf::1", "...."),
            ("fd00:ec2::254", "...."),
            ("fd20:ce::254", "...."),
            ("100.100.100.200", "...."),
            ("168.63.129.16", "...."),
            ("192.0.0.192", "...."),
            ("0.0.0.0", "...."),
            ("0.1.2.3", "...."),
            ("::", "...."),
            ("::ffff:0.0.0.0", "...."),
            ("224.0.0.1", "...."),
            ("239.255.255.255", "...."),
            ("ff02::1", "...."),
            ("240.0.0.1", "...."),
            ("255.255.255.255", "...."),
            ("192.0.0.8", "...."),
            ("192.88.99.1", "...."),
            ("::10.0.0.1", "...."),
            ("64:ff9b:1::10.0.0.1", "...."),
            ("2001::1", "...."),
            ("2001:2::1", "...."),
            ("100::1", "...."),
            ("4000::1", "...."),
            ("5f00::1", "...."),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            let reaches = [(Reach::Public, 'p'), (Reach::Anywhere, 'a'), (Reach::Private, 'q'), (Reach::Loopback, 'l')];
            let found: String =
                reaches.map(|(reach, letter)| if reach.admit(parsed).is_ok() { letter } else { '.' }).iter().collect();
            assert_eq!(found, expected, "{address}");
            if let Err(refused) = Reach::Public.admit(parsed) {
                assert_eq!(refused.can_be_allowed, expected.contains('a'), "{address}");
            }
        }
    }

    #[test]
    fn a_refusal_names_the_address_and_its_kind() {
        let refused = |address: &str| Reach::Public.admit(address.parse().unwrap()).unwrap_err().to_string();
        assert_eq!(refused("10.1.2.3"), "its address 10.1.2.3 is private");
        assert_eq!(refused("::ffff:10.1.2.3"), "its address ::ffff:10.1.2.3 is an IPv4-mapped address");
        assert_eq!(refused("fe80::1"), "its address fe80::1 is local to a link");
    }

    proptest! {
        /// However an IPv4 address is written as an IPv6 address, it is admitted nowhere where it is not admitted itself.
        #[test]
        fn no_disguise_widens_a_reach(bits in any::<u32>()) {
            let plain = Ipv4Addr::from(bits);
            let (high, low) = ((bits >> 16) as u16, (bits & 0xffff) as u16);
            for disguise in [
                plain.to_ipv6_mapped(),
                plain.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert!(Reach::Public.admit(disguise.into()).is_err());
                for reach in [Reach::Anywhere, Reach::Private] {
                    prop_assert!(reach.admit(plain.into()).is_ok() || reach.admit(disguise.into()).is_err() || disguise.is_loopback());
                }
            }
        }
    }
}
