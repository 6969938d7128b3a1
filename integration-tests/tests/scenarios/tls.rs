//! TLS on both sides: the proxy calls a listener of its own.

use tollgate_integration_tests::{Proxy, SharedPair};

static TLS: SharedPair = SharedPair::new("conformance/tls.yaml");

const PLAIN: u16 = 10_000;

/// What the guest behind the TLS listener knows of the connection.
fn told(proxy: &Proxy, path: &str) -> Vec<String> {
    assert_eq!(proxy.get(PLAIN, path).send().status, 200);
    proxy.guest_log("main", "told")
}

#[track_caller]
fn assert_told(log: &[String], expected: &[&str]) {
    for line in expected {
        assert!(
            log.iter().any(|logged| logged == line),
            "{line} is missing in {log:#?}"
        );
    }
}

#[test]
fn a_request_passes_tls_on_both_sides() {
    let received = TLS.compare(|proxy| {
        assert_eq!(proxy.get(PLAIN, "/trusted/x").send().status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.path, "/x");
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
}

#[test]
fn a_guest_knows_version_and_server_name() {
    let log = TLS.compare(|proxy| told(proxy, "/trusted/properties/connection"));
    assert_told(
        &log,
        &[
            "info connection.mtls: Ok(Some(\"\\\\x00\"))",
            "info connection.tls_version: Ok(Some(\"TLSv1.3\"))",
            "info connection.requested_server_name: Ok(Some(\"one.test\"))",
            "info xds.filter_chain_name: Ok(Some(\"one\"))",
        ],
    );
}

#[test]
fn the_server_name_chooses_the_filter_chain() {
    let response = TLS.compare(|proxy| proxy.get(PLAIN, "/other-host/").send());
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "second chain\n")
    );
}

#[test]
fn a_certificate_of_a_stranger_or_for_another_name_is_refused() {
    let statuses = TLS.compare(|proxy| {
        ["/untrusted/", "/wrong-name/"].map(|path| {
            let response = proxy.get(PLAIN, path).send();
            (
                response.status,
                response.text().starts_with("upstream connect error"),
            )
        })
    });
    assert_eq!(statuses, [(503, true), (503, true)]);
}

#[test]
fn a_clients_certificate_is_demanded_and_known_to_guests() {
    let (without, log) = TLS.compare(|proxy| {
        let without = proxy.get(PLAIN, "/mutual-without/").send().status;
        (without, told(proxy, "/mutual/properties/connection"))
    });
    assert_eq!(without, 503);
    assert_told(
        &log,
        &[
            "info connection.mtls: Ok(Some(\"\\\\x01\"))",
            "info connection.dns_san_peer_certificate: Ok(Some(\"client.test\"))",
            "info connection.dns_san_local_certificate: Ok(Some(\"one.test\"))",
        ],
    );
}

#[test]
fn http2_is_negotiated_within_tls() {
    let received = TLS.compare(|proxy| {
        let response = proxy.post(PLAIN, "/over-http2/x").body("a body").send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request().text()
    });
    assert_eq!(received, "a body");
}
