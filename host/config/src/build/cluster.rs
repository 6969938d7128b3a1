//! Clusters and their endpoints.

use std::sync::Arc;
use std::time::Duration;

use super::listener::DEFAULT_BUFFER_LIMIT;
use super::{address, http_connection_manager, tls, upstream_protocol};
use crate::view::View;
use crate::{
    Cluster, ClusterDiscovery, DnsLookupFamily, Endpoint, EndpointAttributes, HostAddress,
    LbPolicy, ProtoMessage,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DNS_REFRESH_RATE: Duration = Duration::from_secs(5);
/// Envoy's default of each circuit breaker.
const THRESHOLD: u32 = 1024;

pub(super) fn build(view: &View<'_>) -> Option<Cluster> {
    let discovery = discovery(view);
    let endpoints = endpoints(view, discovery);
    let upstream = upstream_protocol::build(view);
    let tls = view
        .child("transport_socket")
        .map(|socket| tls::upstream(&socket));
    let thresholds = view.child("circuit_breakers").and_then(|breakers| {
        let all = breakers.children("thresholds");
        for (high, _) in all
            .iter()
            .map(|one| (one, one.enumerator("priority")))
            .filter(|(_, p)| p == "HIGH")
        {
            high.warning(
                "",
                "has no effect in Tollgate, which has no routes of high priority",
            );
        }
        all.into_iter()
            .find(|one| one.enumerator("priority") == "DEFAULT")
    });
    let threshold = |field| {
        thresholds
            .as_ref()
            .and_then(|one| one.u32_value(field))
            .unwrap_or(THRESHOLD)
    };
    let limit = view
        .u32_value("per_connection_buffer_limit_bytes")
        .unwrap_or(DEFAULT_BUFFER_LIMIT);
    let upstream = upstream?;
    Some(Cluster {
        name: view.text("name").to_owned(),
        discovery,
        lb_policy: lb_policy(view),
        connect_timeout: view.duration("connect_timeout").unwrap_or(CONNECT_TIMEOUT),
        endpoints,
        protocol: upstream.protocol,
        tls: tls.transpose().ok()?.flatten(),
        max_connections: threshold("max_connections"),
        max_pending_requests: threshold("max_pending_requests"),
        max_requests: threshold("max_requests"),
        max_requests_per_connection: upstream.max_requests_per_connection,
        idle_timeout: upstream.idle_timeout,
        http1_trailers: upstream.http1_trailers,
        dns_refresh_rate: view
            .duration("dns_refresh_rate")
            .unwrap_or(DNS_REFRESH_RATE),
        dns_lookup_family: dns_lookup_family(view),
        per_connection_buffer_limit_bytes: http_connection_manager::to_usize(limit),
        metadata: ProtoMessage::in_field(view, "metadata"),
    })
}

/// A type that is not implemented, when it is ignored, comes nearest to these two.
fn discovery(view: &View<'_>) -> ClusterDiscovery {
    let kind = view.enumerator("type");
    if !matches!(kind.as_str(), "STATIC" | "STRICT_DNS") && !view.has("cluster_type") {
        view.unsupported("type", &format!("`{kind}`"));
    }
    match kind.as_str() {
        "STRICT_DNS" | "LOGICAL_DNS" => ClusterDiscovery::StrictDns,
        _ => ClusterDiscovery::Static,
    }
}

fn lb_policy(view: &View<'_>) -> LbPolicy {
    match view.enumerator("lb_policy").as_str() {
        "LEAST_REQUEST" => LbPolicy::LeastRequest,
        "RANDOM" => LbPolicy::Random,
        "ROUND_ROBIN" => LbPolicy::RoundRobin,
        other => {
            view.unsupported("lb_policy", &format!("`{other}`"));
            LbPolicy::RoundRobin
        }
    }
}

fn dns_lookup_family(view: &View<'_>) -> DnsLookupFamily {
    match view.enumerator("dns_lookup_family").as_str() {
        "V4_ONLY" => DnsLookupFamily::V4Only,
        "V6_ONLY" => DnsLookupFamily::V6Only,
        "V4_PREFERRED" => DnsLookupFamily::V4Preferred,
        "ALL" => DnsLookupFamily::All,
        _ => DnsLookupFamily::Auto,
    }
}

fn endpoints(view: &View<'_>, discovery: ClusterDiscovery) -> Vec<Endpoint> {
    let Some(assignment) = view.child("load_assignment") else {
        return Vec::new();
    };
    assignment
        .children("endpoints")
        .iter()
        .flat_map(|locality| {
            let endpoints = locality.children("lb_endpoints").into_iter();
            let build = |endpoint| build_endpoint(&endpoint, locality, discovery);
            endpoints.filter_map(build).collect::<Vec<_>>()
        })
        .collect()
}

fn build_endpoint(
    view: &View<'_>,
    locality: &View<'_>,
    discovery: ClusterDiscovery,
) -> Option<Endpoint> {
    let endpoint = view.child("endpoint");
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.has("address")) else {
        if !view.has("endpoint_name") {
            view.error("", "an endpoint needs an `address`");
        }
        return None;
    };
    let written = endpoint.child("address")?;
    let address = address::host_address(&written)?;
    if let (HostAddress::Name(name, _), ClusterDiscovery::Static) = (&address, discovery) {
        let reason = format!(
            "malformed IP address: {name}. Consider setting resolver_name or setting cluster type \
             to 'STRICT_DNS' or 'LOGICAL_DNS'"
        );
        written.error("socket_address.address", reason);
        return None;
    }
    let health = view.enumerator("health_status");
    Some(Endpoint {
        address,
        hostname: endpoint.text("hostname").to_owned(),
        weight: view.u32_value("load_balancing_weight").unwrap_or(1),
        healthy: matches!(health.as_str(), "UNKNOWN" | "HEALTHY" | "DEGRADED"),
        attributes: Arc::new(attributes(view, locality)),
    })
}

fn attributes(view: &View<'_>, locality: &View<'_>) -> EndpointAttributes {
    let metadata = |view: &View<'_>| {
        view.has("metadata")
            .then(|| ProtoMessage::in_field(view, "metadata"))
    };
    EndpointAttributes {
        metadata: metadata(view),
        locality_metadata: metadata(locality),
        locality: ProtoMessage::in_field(locality, "locality"),
    }
}
