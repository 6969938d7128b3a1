//! What filters have chosen for one connection, in the filter state that Envoy's TCP proxy reads.

use std::sync::Arc;
use std::time::Duration;

use crate::network::ConnectionState;

/// Names the cluster.
pub(crate) const CLUSTER: &str = "envoy.tcp_proxy.cluster";
/// A number of milliseconds as text.
pub(crate) const IDLE_TIMEOUT_MS: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

pub(super) fn cluster(state: &ConnectionState) -> Option<Arc<str>> {
    let chosen = state.stream.filter_state.get(CLUSTER.as_bytes())?;
    Some(String::from_utf8_lossy(&chosen.value).into())
}

pub(super) fn idle_timeout(state: &ConnectionState) -> Option<Duration> {
    let chosen = state.stream.filter_state.get(IDLE_TIMEOUT_MS.as_bytes())?;
    let number = str::from_utf8(&chosen.value).ok()?.parse().ok()?;
    Some(Duration::from_millis(number))
}
