//! Spellings that Envoy's reader takes besides the usual one.

use std::time::Duration;

use tollgate_config::{HttpFilterKind, LbPolicy, LoadOptions, UpstreamProtocol, parse};

use crate::{manager, read};

#[test]
fn camel_case_octals_and_quoted_numbers_are_read() {
    let bootstrap = read("spellings.yaml");
    let cluster = &bootstrap.clusters[0];
    assert_eq!(cluster.lb_policy, LbPolicy::LeastRequest);
    assert_eq!(cluster.connect_timeout, Duration::from_millis(500));
    assert_eq!(cluster.per_connection_buffer_limit_bytes, 10);
    assert_eq!(cluster.max_requests_per_connection, Some(8));
    assert_eq!(cluster.protocol, UpstreamProtocol::Http2);
    assert!(cluster.tls.is_none());
    assert_eq!(bootstrap.listeners[0].name, "on");
}

#[test]
fn booleans_of_all_kinds_and_typed_structs_are_read() {
    let bootstrap = read("spellings.yaml");
    let manager = manager(&bootstrap);
    assert!(manager.skip_xff_append && manager.merge_slashes && manager.use_remote_address);
    let router = &manager.http_filters[0].kind;
    assert!(matches!(
        router,
        HttpFilterKind::Router {
            suppress_envoy_headers: true
        }
    ));
}

#[test]
fn a_repeated_listener_is_left_out_with_a_warning() {
    let text = std::fs::read_to_string("tests/files/ok/proxy.yaml").unwrap();
    let (listeners, clusters) = text.split_once("  clusters:").unwrap();
    let (_, listener) = listeners.split_once("  listeners:").unwrap();
    let again = listener.replace("stat_prefix: ingress", "stat_prefix: second");
    let text = format!("{listeners}{again}  clusters:{clusters}");
    let loaded = parse(&text, "proxy.yaml", &LoadOptions::default()).unwrap();
    assert_eq!(loaded.bootstrap.listeners.len(), 1);
    assert_eq!(manager(&loaded.bootstrap).stat_prefix, "ingress");
    assert!(loaded.warnings[0].reason.contains("left out"));
}

#[test]
fn a_repeated_key_and_a_second_document_are_warned_about() {
    let text = "static_resources: {}\nstatic_resources:\n  clusters: [{name: a}]\n---\nadmin: 1\n";
    let loaded = parse(text, "two.yaml", &LoadOptions::default()).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "two.yaml:2: key `static_resources` appears twice; the later value is used",
            "two.yaml:4: only the first document of the file is read",
        ]
    );
    assert_eq!(loaded.bootstrap.clusters.len(), 1);
}

#[test]
fn what_has_no_effect_is_warned_about() {
    let text =
        "stats_flush_interval: 5s\nstatic_resources:\n  clusters: [{name: a, alt_stat_name: x}]\n";
    let loaded = parse(text, "noted.yaml", &LoadOptions::default()).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "noted.yaml:1 stats_flush_interval: has no effect in Tollgate",
            "noted.yaml:3 static_resources.clusters[0].alt_stat_name: has no effect in Tollgate",
        ]
    );
}
