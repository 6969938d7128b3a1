//! Resolver: the endpoints of a `STRICT_DNS` cluster, looked up again and again.

use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tollgate_config::{Cluster as ClusterConfig, Endpoint as EndpointConfig, HostAddress};

use super::Cluster;
use super::endpoint::Endpoint;
use crate::telemetry::{HostFacts, Hosts};

/// Returns the endpoints that need no lookup.
pub(super) fn fixed_endpoints(config: &ClusterConfig, hosts: &Hosts) -> Vec<Rc<Endpoint>> {
    let name = Arc::from(config.name.as_str());
    config
        .endpoints
        .iter()
        .filter_map(|endpoint| match &endpoint.address {
            HostAddress::Ip(address) => Some(endpoint_at(*address, endpoint, &name, hosts)),
            HostAddress::Name(..) => None,
        })
        .collect()
}

/// Looks all names up at the rate that the configuration says, until the cluster is gone.
pub(super) async fn keep_fresh(cluster: Weak<Cluster>, config: Arc<ClusterConfig>) {
    loop {
        tokio::time::sleep(config.dns_refresh_rate).await;
        let Some(cluster) = cluster.upgrade() else {
            return;
        };
        refresh(&cluster, &config).await;
    }
}

/// Looks all names up and takes the result over. Endpoints that stay keep their connections; a
/// name that cannot be resolved keeps what it had, as in Envoy.
pub(super) async fn refresh(cluster: &Cluster, config: &ClusterConfig) {
    let mut found = Vec::new();
    for endpoint in &config.endpoints {
        match &endpoint.address {
            HostAddress::Ip(address) => found.push(kept_or_new(cluster, *address, endpoint)),
            HostAddress::Name(name, port) => {
                resolve(cluster, name, *port, endpoint, &mut found).await;
            }
        }
    }
    // One that was given up meanwhile stays without endpoints.
    if cluster.managers.get() > 0 {
        cluster.endpoints.replace(found.into());
    }
}

async fn resolve(
    cluster: &Cluster,
    name: &str,
    port: u16,
    config: &EndpointConfig,
    found: &mut Vec<Rc<Endpoint>>,
) {
    match tokio::net::lookup_host((name, port)).await {
        Ok(addresses) => {
            for address in addresses {
                if !found.iter().any(|endpoint| endpoint.address == address) {
                    found.push(kept_or_new(cluster, address, config));
                }
            }
        }
        Err(error) => {
            tracing::warn!(cluster = %cluster.name, name, %error, "name not resolved");
            let old = Rc::clone(&cluster.endpoints.borrow());
            let known = |endpoint: &&Rc<Endpoint>| endpoint.hostname.as_deref() == Some(name);
            found.extend(old.iter().filter(known).cloned());
        }
    }
}

fn kept_or_new(cluster: &Cluster, address: SocketAddr, config: &EndpointConfig) -> Rc<Endpoint> {
    let old = cluster.endpoints.borrow();
    let kept = old.iter().find(|endpoint| endpoint.address == address);
    kept.map_or_else(
        || endpoint_at(address, config, &cluster.name, &cluster.hosts),
        Rc::clone,
    )
}

fn endpoint_at(
    address: SocketAddr,
    config: &EndpointConfig,
    cluster: &Arc<str>,
    hosts: &Hosts,
) -> Rc<Endpoint> {
    let hostname: Option<Arc<str>> = match (&config.address, config.hostname.as_str()) {
        (HostAddress::Name(name, _), "") => Some(Arc::from(name.as_str())),
        (HostAddress::Ip(_), "") => None,
        (_, hostname) => Some(Arc::from(hostname)),
    };
    let weight = config.weight.max(1);
    let facts = HostFacts {
        address,
        hostname: hostname.as_deref().unwrap_or_default().to_owned(),
        weight,
        healthy: config.healthy,
    };
    Endpoint::new(
        address,
        hostname,
        weight,
        config.healthy,
        hosts.host(cluster, &facts),
        Arc::clone(&config.attributes),
    )
}
