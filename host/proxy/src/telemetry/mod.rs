//! Statistics under Envoy's names.
//!
//! The one decision to know: each worker counts in cells of its own, so that counting never waits
//! for another core; a statistic's value is the sum over the workers. Handles are looked up by
//! name once, when a worker starts, and stay with its thread.

mod connections;
mod groups;
mod histogram;
mod hosts;
mod prometheus;
mod quantiles;
mod snapshot;
mod stats;
mod writers;

pub(crate) use groups::{
    ClusterManagerStats, DiscoveryStats, HttpStats, ListenerManagerStats, ListenerStats,
    ListenerTlsStats, ListenerWorkerStats, MembershipStats, ResponseCodeStats, ServerStats,
    TcpStats, UpstreamStats, listener_prefix,
};
pub(crate) use hosts::{HostFacts, HostStats, Hosts};
pub(crate) use prometheus::write_prometheus;
pub(crate) use quantiles::QUANTILES;
pub(crate) use snapshot::{Distribution, StatSnapshot, StatSource, StatValue};
pub(crate) use stats::{Counter, Gauge, Stats};
