//! Response flags: why a response is not simply the upstream's, as Envoy's access log tells it.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of response flags. The bits are those of Envoy's `response.flags` property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseFlags(u64);

/// Short name, long name and bit of a flag, in the order in which Envoy lists them.
const NAMES: [(&str, &str, ResponseFlags); 18] = [
    (
        "UH",
        "NoHealthyUpstream",
        ResponseFlags::NO_HEALTHY_UPSTREAM,
    ),
    (
        "UT",
        "UpstreamRequestTimeout",
        ResponseFlags::UPSTREAM_REQUEST_TIMEOUT,
    ),
    ("LR", "LocalReset", ResponseFlags::LOCAL_RESET),
    (
        "UR",
        "UpstreamRemoteReset",
        ResponseFlags::UPSTREAM_REMOTE_RESET,
    ),
    (
        "UF",
        "UpstreamConnectionFailure",
        ResponseFlags::UPSTREAM_CONNECTION_FAILURE,
    ),
    (
        "UC",
        "UpstreamConnectionTermination",
        ResponseFlags::UPSTREAM_CONNECTION_TERMINATION,
    ),
    ("UO", "UpstreamOverflow", ResponseFlags::UPSTREAM_OVERFLOW),
    ("NR", "NoRouteFound", ResponseFlags::NO_ROUTE_FOUND),
    ("RL", "RateLimited", ResponseFlags::RATE_LIMITED),
    (
        "DC",
        "DownstreamConnectionTermination",
        ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION,
    ),
    (
        "URX",
        "UpstreamRetryLimitExceeded",
        ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED,
    ),
    (
        "SI",
        "StreamIdleTimeout",
        ResponseFlags::STREAM_IDLE_TIMEOUT,
    ),
    (
        "DPE",
        "DownstreamProtocolError",
        ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR,
    ),
    (
        "UPE",
        "UpstreamProtocolError",
        ResponseFlags::UPSTREAM_PROTOCOL_ERROR,
    ),
    ("DT", "DurationTimeout", ResponseFlags::DURATION_TIMEOUT),
    ("NC", "NoClusterFound", ResponseFlags::NO_CLUSTER_FOUND),
    (
        "DF",
        "DnsResolutionFailed",
        ResponseFlags::DNS_RESOLUTION_FAILED,
    ),
    (
        "DR",
        "DownstreamRemoteReset",
        ResponseFlags::DOWNSTREAM_REMOTE_RESET,
    ),
];

impl ResponseFlags {
    /// The cluster has no endpoint that takes requests.
    pub(crate) const NO_HEALTHY_UPSTREAM: Self = Self(1 << 1);
    /// The route's timeout has passed.
    pub(crate) const UPSTREAM_REQUEST_TIMEOUT: Self = Self(1 << 2);
    /// This proxy reset the stream.
    pub(crate) const LOCAL_RESET: Self = Self(1 << 3);
    /// The upstream reset the stream.
    pub(crate) const UPSTREAM_REMOTE_RESET: Self = Self(1 << 4);
    /// No connection to the upstream could be made.
    pub(crate) const UPSTREAM_CONNECTION_FAILURE: Self = Self(1 << 5);
    /// The upstream closed the connection.
    pub(crate) const UPSTREAM_CONNECTION_TERMINATION: Self = Self(1 << 6);
    /// A circuit breaker is open.
    pub(crate) const UPSTREAM_OVERFLOW: Self = Self(1 << 7);
    /// No route matches.
    pub(crate) const NO_ROUTE_FOUND: Self = Self(1 << 8);
    /// A rate limit answered.
    pub(crate) const RATE_LIMITED: Self = Self(1 << 11);
    /// The client closed the connection.
    pub(crate) const DOWNSTREAM_CONNECTION_TERMINATION: Self = Self(1 << 14);
    /// All attempts to reach an upstream were used up.
    pub(crate) const UPSTREAM_RETRY_LIMIT_EXCEEDED: Self = Self(1 << 15);
    /// Nothing has happened on the stream for too long.
    pub(crate) const STREAM_IDLE_TIMEOUT: Self = Self(1 << 16);
    /// The client broke the rules of HTTP.
    pub(crate) const DOWNSTREAM_PROTOCOL_ERROR: Self = Self(1 << 18);
    /// The connection has lived for as long as it may.
    pub(crate) const DURATION_TIMEOUT: Self = Self(1 << 22);
    /// The upstream broke the rules of HTTP.
    pub(crate) const UPSTREAM_PROTOCOL_ERROR: Self = Self(1 << 23);
    /// The route's cluster does not exist.
    pub(crate) const NO_CLUSTER_FOUND: Self = Self(1 << 24);
    /// The name of the upstream has no address.
    pub(crate) const DNS_RESOLUTION_FAILED: Self = Self(1 << 26);
    /// The client reset the stream.
    pub(crate) const DOWNSTREAM_REMOTE_RESET: Self = Self(1 << 28);

    /// Returns the bits.
    #[must_use]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Returns whether no flag is set.
    #[must_use]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether all of `other` are set.
    #[must_use]
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the long names joined by commas, `-` for none.
    #[must_use]
    pub(crate) fn long_names(self) -> String {
        let set = NAMES.iter().filter(|(_, _, flag)| self.contains(*flag));
        let names: Vec<&str> = set.map(|(_, long, _)| *long).collect();
        if names.is_empty() {
            "-".to_owned()
        } else {
            names.join(",")
        }
    }
}

impl BitOr for ResponseFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ResponseFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Writes the short names joined by commas, `-` for none.
impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        let mut separator = "";
        for (short, _, flag) in NAMES {
            if self.contains(flag) {
                write!(f, "{separator}{short}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_are_written_as_a_dash() {
        assert_eq!(ResponseFlags::default().to_string(), "-");
        assert_eq!(ResponseFlags::default().long_names(), "-");
    }

    #[test]
    fn several_flags_are_written_in_envoys_order() {
        let mut flags = ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
        flags |= ResponseFlags::UPSTREAM_REQUEST_TIMEOUT;
        assert_eq!(flags.to_string(), "UT,DC");
        assert_eq!(
            flags.long_names(),
            "UpstreamRequestTimeout,DownstreamConnectionTermination"
        );
    }

    #[test]
    fn bits_are_envoys() {
        let flags = ResponseFlags::NO_ROUTE_FOUND | ResponseFlags::NO_HEALTHY_UPSTREAM;
        assert_eq!(flags.bits(), 0x102);
    }

    #[test]
    fn every_flag_has_a_name_of_its_own() {
        for (index, (short, _, flag)) in NAMES.iter().enumerate() {
            assert_eq!(flag.to_string(), *short);
            assert!(
                NAMES
                    .iter()
                    .skip(index + 1)
                    .all(|(other, ..)| other != short)
            );
        }
    }
}
