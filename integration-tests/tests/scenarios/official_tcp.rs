//! Network filters of the official Rust crate: every method of its `StreamContext`.

use tollgate_integration_tests::client::exchange;
use tollgate_integration_tests::{Proxy, SharedPair};

static TUNNEL: SharedPair = SharedPair::new("conformance/official-tcp.yaml");

const PORT: u16 = 10_000;

/// Sends bytes through the tunnel; returns what came back and what the filter logged.
fn ask(proxy: &Proxy, bytes: &[u8]) -> (String, Vec<String>) {
    proxy.origin().answer_raw(&b"answer"[..]);
    let answer = exchange(proxy.port(PORT), bytes);
    assert!(answer.closed, "the connection stays open");
    (answer.text(), proxy.guest_log("tunnel", "logged"))
}

#[test]
fn a_network_filter_changes_what_passes() {
    let (answer, log) = TUNNEL.compare(|proxy| ask(proxy, b"question\r\n\r\n"));
    assert_eq!(answer, "answer <");
    assert_eq!(
        log,
        [
            "info connected, address known: true",
            "info resumed: Ok(())",
            "info from the client: question\\r\\n\\r\\n",
            "info from the origin: answer",
            "info the origin's side closed: unknown",
            "info the client's side closed: remote",
            "info done",
            "info logged",
        ]
    );
}

#[test]
fn a_network_filter_closes_a_connection() {
    for word in ["close", "hostcall", "close upstream"] {
        let (answer, log) = TUNNEL.compare(|proxy| ask(proxy, word.as_bytes()));
        assert_eq!(answer, "", "{word}");
        let mut expected = vec![
            "info connected, address known: true".to_owned(),
            "info resumed: Ok(())".to_owned(),
            format!("info from the client: {word}"),
        ];
        if word == "hostcall" {
            expected.push("info closed: Ok(())".to_owned());
        }
        expected.extend(
            ["the client's side closed: local", "done", "logged"]
                .map(|line| format!("info {line}")),
        );
        assert_eq!(log, expected);
    }
}
