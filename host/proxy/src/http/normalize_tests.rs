//! Tests of what Envoy changes in every message.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{HeadFacts, Normalizer, remove_hop_by_hop, request_id};
use tollgate_config::ServerHeaderTransformation;

fn normalizer() -> Normalizer {
    Normalizer {
        use_remote_address: false,
        skip_xff_append: false,
        xff_num_trusted_hops: 0,
        generate_request_id: true,
        preserve_external_request_id: false,
        request_id_in_response: false,
        server_name: HeaderValue::from_static("envoy"),
        server_header: ServerHeaderTransformation::Overwrite,
        via: None,
        own_address: IpAddr::from([192, 0, 2, 2]),
    }
}

fn fields(entries: &[(&'static str, &'static str)]) -> HeaderMap {
    let entries = entries.iter();
    entries
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

/// Passes a request through, as a listener without TLS does.
fn pass(normalizer: &Normalizer, headers: &mut HeaderMap, random: u8) -> SocketAddr {
    let facts = HeadFacts::of(headers);
    normalizer.request(headers, facts, peer(), "http", || [random; 16])
}

fn peer() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], 4711))
}

#[test]
fn a_request_gets_an_id_and_a_scheme() {
    let mut headers = HeaderMap::new();
    pass(&normalizer(), &mut headers, 0xff);
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(
        headers["x-request-id"],
        "ffffffff-ffff-4fff-bfff-ffffffffffff"
    );
}

#[test]
fn behind_a_proxy_the_forwarded_headers_are_believed() {
    let mut headers = fields(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "abc"),
    ]);
    let client = pass(&normalizer(), &mut headers, 0);
    assert_eq!(client, SocketAddr::from(([1, 2, 3, 4], 0)));
    assert_eq!(headers["x-forwarded-for"], "1.2.3.4");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-request-id"], "abc");
}

#[test]
fn at_the_edge_the_peer_is_the_client() {
    let normalizer = Normalizer {
        use_remote_address: true,
        ..normalizer()
    };
    let mut headers = fields(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "abc"),
    ]);
    let client = pass(&normalizer, &mut headers, 0);
    assert_eq!(client, peer());
    assert_eq!(headers["x-forwarded-for"], "1.2.3.4,203.0.113.9");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-envoy-external-address"], "203.0.113.9");
    assert_ne!(headers["x-request-id"], "abc");
}

#[test]
fn trusted_hops_are_skipped() {
    let normalizer = Normalizer {
        use_remote_address: true,
        xff_num_trusted_hops: 1,
        ..normalizer()
    };
    let mut headers = fields(&[("x-forwarded-for", "1.2.3.4, 5.6.7.8")]);
    let client = pass(&normalizer, &mut headers, 0);
    assert_eq!(client.ip(), IpAddr::from([5, 6, 7, 8]));
}

#[test]
fn strangers_cannot_steer_the_proxy() {
    let mut headers = fields(&[
        ("x-envoy-internal", "true"),
        ("x-envoy-upstream-rq-timeout-ms", "5"),
        ("x-envoy-foo", "1"),
    ]);
    pass(&normalizer(), &mut headers, 0);
    assert!(!headers.contains_key("x-envoy-internal"));
    assert!(!headers.contains_key("x-envoy-upstream-rq-timeout-ms"));
    assert_eq!(headers["x-envoy-foo"], "1");
}

#[test]
fn headers_of_the_connection_go_no_further() {
    let mut headers = fields(&[
        ("connection", "close, X-Private"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip, trailers"),
        ("x-private", "1"),
        ("x-public", "1"),
    ]);
    remove_hop_by_hop(&mut headers);
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["te", "x-public"]);
    assert_eq!(headers["te"], "trailers");
}

#[test]
fn forwarded_for_cannot_be_removed_by_a_connection_header() {
    let mut headers = fields(&[
        ("connection", "x-forwarded-for"),
        ("x-forwarded-for", "1.2.3.4"),
    ]);
    remove_hop_by_hop(&mut headers);
    assert!(headers.contains_key("x-forwarded-for"));
}

#[test]
fn a_request_id_is_a_uuid_of_version_4() {
    let bytes = std::array::from_fn(|index| [0x09, 0xaf, 0xf0, 0x90][index % 4]);
    assert_eq!(request_id(bytes), "09aff090-09af-4090-89af-f09009aff090");
}
