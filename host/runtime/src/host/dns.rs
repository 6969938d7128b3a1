//! Answers to DNS lookups.

use core::net::IpAddr;
use std::time::Duration;

/// One address that a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedAddress {
    /// The address.
    pub address: IpAddr,
    /// How long the answer may be kept.
    pub ttl: Duration,
}
