//! Connecting: a cluster, an endpoint, and as many attempts as are configured.

use std::rc::Rc;

use super::TcpProxy;
use crate::cluster::{Cluster, ConnectionFacts, Endpoint, TcpConnection, UpstreamError};
use crate::filter::{StreamInfo, UpstreamInfo};
use crate::http::response_flags::ResponseFlags as Flags;
use crate::network::ConnectionState;

/// Connects to an endpoint of the cluster that is this connection's. Why there is none is in the
/// state's flags afterwards.
pub(super) async fn connect(proxy: &TcpProxy, state: &ConnectionState) -> Option<TcpConnection> {
    let info = &state.stream.info;
    let name = proxy.choose_cluster(state)?;
    let Some(cluster) = proxy.worker.clusters.get(&name) else {
        proxy.stats.downstream_cx_no_route.inc();
        return failed(info, Flags::NO_CLUSTER_FOUND);
    };
    info.upstream.cluster_name.replace(Some(name));
    info.upstream
        .endpoint_count
        .set(Some(cluster.endpoint_count()));
    let attempts = proxy.config.max_connect_attempts;
    for attempt in 1..=attempts {
        let Some(endpoint) = cluster.choose_endpoint() else {
            cluster.count_none_healthy();
            return failed(info, Flags::NO_HEALTHY_UPSTREAM);
        };
        match try_endpoint(cluster, &endpoint, &info.upstream, attempt).await {
            Ok(connection) => {
                note_connection(&info.upstream, &connection.facts);
                return Some(connection);
            }
            Err(UpstreamError::Overflow) => return failed(info, Flags::UPSTREAM_OVERFLOW),
            Err(error) => {
                let reason = error.transport_failure().map(str::to_owned);
                info.upstream.transport_failure_reason.replace(reason);
            }
        }
    }
    cluster.count_attempts_exceeded();
    failed(
        info,
        Flags::UPSTREAM_CONNECTION_FAILURE | Flags::UPSTREAM_RETRY_LIMIT_EXCEEDED,
    )
}

async fn try_endpoint(
    cluster: &Rc<Cluster>,
    endpoint: &Endpoint,
    upstream: &UpstreamInfo,
    attempt: u32,
) -> Result<TcpConnection, UpstreamError> {
    let connecting = cluster.connect_tcp(endpoint)?;
    upstream.attempts.set(attempt);
    upstream.address.set(Some(endpoint.address));
    upstream.hostname.replace(endpoint.hostname.clone());
    connecting.await
}

fn failed(info: &StreamInfo, why: Flags) -> Option<TcpConnection> {
    info.response_flags.set(info.response_flags.get() | why);
    None
}

fn note_connection(upstream: &UpstreamInfo, facts: &ConnectionFacts) {
    upstream.connection_id.set(Some(facts.id));
    upstream.local_address.set(facts.local_address);
    upstream.tls.replace(facts.tls.clone());
}
