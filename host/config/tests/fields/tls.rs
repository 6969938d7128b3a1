//! TLS on both sides.

use crate::read;

#[test]
fn a_chain_is_chosen_by_name_transport_and_protocol() {
    let listener = read("tls.yaml").listeners.remove(0);
    let matches = &listener.filter_chains[0].matches;
    assert_eq!(matches.server_names, ["example.com", "*.example.com"]);
    assert_eq!(matches.transport_protocol.as_deref(), Some("tls"));
    assert_eq!(matches.application_protocols, ["h2", "http/1.1"]);
    assert!(listener.default_filter_chain.unwrap().tls.is_none());
}

#[test]
fn a_downstream_context_has_its_files_read() {
    let listener = read("tls.yaml").listeners.remove(0);
    let tls = listener.filter_chains[0].tls.clone().unwrap();
    let chain = std::fs::read("tests/files/tls/server.crt").unwrap();
    let key = std::fs::read("tests/files/tls/server.key").unwrap();
    assert_eq!(tls.certificates[0].chain, chain);
    assert_eq!(tls.certificates[0].private_key, key);
    assert_eq!(
        tls.trusted_ca.unwrap(),
        std::fs::read("tests/files/tls/ca.crt").unwrap()
    );
    assert!(tls.require_client_certificate);
    assert_eq!(tls.alpn_protocols, ["h2", "http/1.1"]);
}

#[test]
fn an_upstream_context_reads_all_of_its_fields() {
    let tls = read("tls.yaml").clusters.remove(0).tls.unwrap();
    assert_eq!(tls.sni, "origin.internal");
    assert_eq!(
        tls.trusted_ca.unwrap(),
        std::fs::read("tests/files/tls/ca.crt").unwrap()
    );
    assert_eq!(tls.subject_alt_names, ["origin.internal", "127.0.0.1"]);
    assert_eq!(tls.alpn_protocols, ["h2"]);
    assert!(tls.certificate.is_some());
}

#[test]
fn a_private_key_is_not_shown_when_debugging() {
    let listener = read("tls.yaml").listeners.remove(0);
    assert!(!format!("{listener:?}").contains("PRIVATE"));
}
