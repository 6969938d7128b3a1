//! DNS: what a test answers to lookups.

use core::net::IpAddr;
use std::time::Duration;

use tollgate_runtime::ResolvedAddress;

/// The answer to a DNS lookup: `DnsAnswer::addresses([[192, 0, 2, 1]])`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to `TestHost::dns`"]
pub struct DnsAnswer {
    pub(crate) addresses: Option<Vec<ResolvedAddress>>,
    pub(crate) delay: Duration,
}

impl DnsAnswer {
    /// Answers with addresses that may be kept for a minute.
    pub fn addresses<A: Into<IpAddr>>(addresses: impl IntoIterator<Item = A>) -> Self {
        let addresses = addresses.into_iter().map(|address| ResolvedAddress {
            address: address.into(),
            ttl: Duration::from_secs(60),
        });
        Self {
            addresses: Some(addresses.collect()),
            delay: Duration::ZERO,
        }
    }

    /// Answers that the lookup failed, as for every name that a test does not know.
    pub const fn failure() -> Self {
        Self {
            addresses: None,
            delay: Duration::ZERO,
        }
    }

    /// Sets how long the addresses may be kept.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        for address in self.addresses.iter_mut().flatten() {
            address.ttl = ttl;
        }
        self
    }

    /// Lets this much of the test's time pass before the answer.
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
