//! TCP filters of the Tollgate SDK.

use tollgate_integration_tests::Proxy;
use tollgate_integration_tests::client::exchange;

use crate::sdk_workshop::{WORKSHOP, text};

const TUNNELLING: u16 = 10_007;

fn tunnel(proxy: &Proxy, bytes: &[u8]) -> (String, Vec<String>) {
    proxy.origin().answer("/side", text("hello "));
    proxy.origin().answer("/again", text("asked\r\n\r\n"));
    proxy.origin().answer_raw(&b"answer"[..]);
    let answer = exchange(proxy.port(TUNNELLING), bytes);
    assert!(answer.closed, "the connection stays open");
    (answer.text(), proxy.guest_log("tunnelling", "logged"))
}

#[test]
fn a_connection_waits_and_its_data_is_changed() {
    let (answer, log) = WORKSHOP.compare(|proxy| tunnel(proxy, b"question\r\n\r\n"));
    assert_eq!(answer, "answerhello ");
    assert_eq!(log, lines("question\\r\\n\\r\\n"));
}

/// What the filter says of a connection that has passed.
fn lines(question: &str) -> [String; 5] {
    [
        format!("info from the client: {question}"),
        "info the origin's side closed: Unknown".to_owned(),
        "info from the client: ".to_owned(),
        "info the client's side closed: Remote, address known: true".to_owned(),
        "info logged".to_owned(),
    ]
}

#[test]
fn data_waits_for_a_callout() {
    let (answer, log) = WORKSHOP.compare(|proxy| tunnel(proxy, b"ask\n"));
    assert_eq!(answer, "answerhello ");
    assert_eq!(log, lines("ask\\n"));
}

#[test]
fn a_connection_is_closed() {
    for words in ["close\n", "bye\n"] {
        let (answer, log) = WORKSHOP.compare(|proxy| tunnel(proxy, words.as_bytes()));
        assert_eq!((answer.as_str(), log.len()), ("", 3), "{log:?}");
    }
}
