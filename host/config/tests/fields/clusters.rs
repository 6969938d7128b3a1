//! Clusters, the node and the admin address.

use std::time::Duration;

use tollgate_config::{
    ClusterDiscovery, DnsLookupFamily, Endpoint, HostAddress, LbPolicy, UpstreamProtocol,
};

use crate::read;

#[test]
fn a_cluster_reads_all_of_its_fields() {
    let cluster = read("clusters.yaml").clusters.remove(0);
    assert_eq!(cluster.name, "full");
    assert_eq!(cluster.discovery, ClusterDiscovery::StrictDns);
    assert_eq!(cluster.lb_policy, LbPolicy::LeastRequest);
    assert_eq!(cluster.connect_timeout, Duration::from_millis(250));
    assert_eq!(cluster.dns_refresh_rate, Duration::from_secs(30));
    assert_eq!(cluster.dns_lookup_family, DnsLookupFamily::V4Only);
    assert_eq!(cluster.per_connection_buffer_limit_bytes, 0x8000);
    assert_eq!(cluster.max_connections, 1);
    assert_eq!(cluster.max_pending_requests, 2);
    assert_eq!(cluster.max_requests, 3);
    assert_eq!(cluster.protocol, UpstreamProtocol::Http2);
    assert_eq!(cluster.idle_timeout, Some(Duration::from_secs(9)));
    assert_eq!(cluster.max_requests_per_connection, Some(4));
    assert!(cluster.tls.is_none());
}

#[test]
fn endpoints_have_address_hostname_weight_and_health() {
    let cluster = read("clusters.yaml").clusters.remove(0);
    let endpoint =
        |address, hostname: &str, weight, healthy| (address, hostname.to_owned(), weight, healthy);
    let parts = |one: &Endpoint| {
        (
            one.address.clone(),
            one.hostname.clone(),
            one.weight,
            one.healthy,
        )
    };
    let endpoints: Vec<_> = cluster.endpoints.iter().map(parts).collect();
    assert_eq!(
        endpoints,
        [
            endpoint(
                HostAddress::Name("one.internal".to_owned(), 80),
                "one",
                5,
                true
            ),
            endpoint(
                HostAddress::Ip("127.0.0.1:81".parse().unwrap()),
                "",
                1,
                false
            ),
            endpoint(HostAddress::Ip("[::1]:82".parse().unwrap()), "", 1, true),
        ]
    );
}

#[test]
fn a_cluster_has_envoys_defaults() {
    let cluster = read("clusters.yaml").clusters.remove(1);
    assert_eq!(cluster.discovery, ClusterDiscovery::Static);
    assert_eq!(cluster.lb_policy, LbPolicy::RoundRobin);
    assert_eq!(cluster.connect_timeout, Duration::from_secs(5));
    assert_eq!(cluster.dns_refresh_rate, Duration::from_secs(5));
    assert_eq!(cluster.dns_lookup_family, DnsLookupFamily::Auto);
    assert_eq!(cluster.per_connection_buffer_limit_bytes, 1024 * 1024);
    let thresholds = [
        cluster.max_connections,
        cluster.max_pending_requests,
        cluster.max_requests,
    ];
    assert_eq!(thresholds, [1024; 3]);
    assert_eq!(cluster.protocol, UpstreamProtocol::Http1);
    assert_eq!(cluster.idle_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(cluster.max_requests_per_connection, None);
    assert!(!cluster.http1_trailers);
    assert!(cluster.endpoints.is_empty());
}

#[test]
fn the_deprecated_protocol_fields_are_read() {
    let cluster = read("clusters.yaml").clusters.remove(2);
    assert_eq!(cluster.lb_policy, LbPolicy::Random);
    assert_eq!(cluster.protocol, UpstreamProtocol::Http2);
    assert_eq!(cluster.idle_timeout, None);
    assert_eq!(cluster.max_requests_per_connection, Some(6));
}

#[test]
fn trailers_of_http_1_are_kept_on_request() {
    assert!(read("clusters.yaml").clusters.remove(3).http1_trailers);
}

#[test]
fn a_node_has_id_cluster_and_metadata_as_json() {
    let bootstrap = read("clusters.yaml");
    assert_eq!(
        (bootstrap.node.id.as_str(), bootstrap.node.cluster.as_str()),
        ("node-1", "edge")
    );
    // A fraction in YAML is text, as Envoy has it.
    let metadata = serde_json::json!({
        "zone": "a", "rank": 2, "ratio": "0.5", "tags": ["x", null, true], "nested": {}
    });
    assert_eq!(bootstrap.node.metadata, metadata);
    assert!(
        bootstrap
            .node
            .message
            .bytes()
            .starts_with(b"\x0a\x06node-1\x12\x04edge")
    );
    assert_eq!(bootstrap.admin, Some("127.0.0.1:9901".parse().unwrap()));
}

#[test]
fn a_fraction_in_json_is_a_number() {
    let bootstrap = read("bootstrap.json");
    let metadata = serde_json::json!({ "ratio": 0.5, "large": 3_000_000_000_i64 });
    assert_eq!(bootstrap.node.metadata, metadata);
    assert_eq!(
        bootstrap.clusters[0].connect_timeout,
        Duration::from_secs(1)
    );
}
