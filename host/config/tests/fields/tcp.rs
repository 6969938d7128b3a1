//! TCP proxies and the plugins before them.

use std::time::Duration;

use tollgate_config::{LoadOptions, NetworkFilter, TcpProxy, parse};

use crate::read;

fn proxy(chain: usize) -> TcpProxy {
    let bootstrap = read("tcp.yaml");
    let NetworkFilter::TcpProxy(proxy) = &bootstrap.listeners[0].filter_chains[chain].filter else {
        panic!("not a TCP proxy")
    };
    (**proxy).clone()
}

#[test]
fn a_tcp_proxy_reads_all_of_its_fields() {
    let proxy = proxy(0);
    assert_eq!(proxy.stat_prefix, "tcp");
    let clusters = proxy.clusters.iter();
    let shares: Vec<_> = clusters
        .map(|one| (one.name.as_str(), one.weight))
        .collect();
    assert_eq!(shares, [("origin", 3), ("other", 1)]);
    assert_eq!(proxy.idle_timeout, Some(Duration::from_secs(90)));
    let duration = proxy.max_downstream_connection_duration;
    assert_eq!(duration, Some(Duration::from_secs(600)));
    assert_eq!(proxy.max_connect_attempts, 3);
    assert_eq!(proxy.access_log.len(), 1);
}

#[test]
fn a_tcp_proxy_has_envoys_defaults() {
    let proxy = proxy(1);
    assert_eq!(proxy.clusters[0].name, "origin");
    assert_eq!(proxy.idle_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(proxy.max_downstream_connection_duration, None);
    assert_eq!(proxy.max_connect_attempts, 1);
    assert!(proxy.access_log.is_empty());
}

#[test]
fn an_idle_timeout_of_zero_is_none() {
    let text = std::fs::read_to_string("tests/files/ok/tcp.yaml").unwrap();
    let text = text.replace("idle_timeout: 90s", "idle_timeout: 0s");
    let loaded = parse(&text, "tcp.yaml", &LoadOptions::default()).unwrap();
    let NetworkFilter::TcpProxy(proxy) = &loaded.bootstrap.listeners[0].filter_chains[0].filter
    else {
        panic!("not a TCP proxy")
    };
    assert_eq!(proxy.idle_timeout, None);
}

#[test]
fn plugins_stand_before_the_last_filter_in_their_order() {
    let bootstrap = read("tcp.yaml");
    let chain = &bootstrap.listeners[0].filter_chains[0];
    let names: Vec<_> = chain.plugins.iter().map(|plugin| &plugin.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(bootstrap.listeners[0].filter_chains[1].plugins.is_empty());
}

#[test]
fn an_unknown_cluster_of_a_tcp_proxy_is_a_warning_as_envoy_accepts_it() {
    let text = std::fs::read_to_string("tests/files/ok/tcp.yaml").unwrap();
    let text = text.replace("cluster: origin", "cluster: orign");
    let loaded = parse(&text, "tcp.yaml", &LoadOptions::default()).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("unknown cluster 'orign'"),
        "{warnings:?}"
    );
}
