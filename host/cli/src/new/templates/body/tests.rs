//! Each test runs natively; `cargo test --features wasm` runs it on the built module too.

use tollgate_testing::{TestHost, UpstreamResponse};

use super::{Redact, hide};

fn hosts(config: &str) -> impl Iterator<Item = TestHost> {
    let hosts = [
        TestHost::native::<Redact>(config),
        #[cfg(feature = "wasm")]
        TestHost::wasm(env!("CARGO_PKG_NAME"), config),
    ];
    hosts.into_iter()
}

#[test]
fn long_numbers_in_responses_are_hidden() {
    for t in hosts("{}") {
        let t =
            t.origin(|_| UpstreamResponse::new(200).body(r#"{"card": 4111111111111111, "n": 42}"#));
        let got = t.get("/").send();
        got.assert_status(200)
            .assert_body(r#"{"card": ************1111, "n": 42}"#);
        assert_eq!(t.metric("redacted_numbers"), 1);
        t.assert_nothing_leaked();
    }
}

#[test]
fn a_request_body_must_be_json_however_it_arrives() {
    for t in hosts("{}") {
        let good = t.post("/").body(r#"{"a": [1, 2]}"#).chunks(&[2, 5]).send();
        good.assert_status(200)
            .assert_upstream_body(r#"{"a": [1, 2]}"#);
        let bad = t.post("/").body(r#"{"a": "#).send();
        bad.assert_status(400)
            .assert_details("body_is_no_json")
            .assert_not_forwarded();
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    for t in hosts("{}") {
        let long = "1".repeat(64 * 1024 + 1);
        t.post("/")
            .body(long)
            .send()
            .assert_status(413)
            .assert_not_forwarded();
    }
}

#[test]
fn short_numbers_stay() {
    let mut body = b"12 1234567890123 123".to_vec();
    assert_eq!(hide(&mut body, 13), 1);
    assert_eq!(body, b"12 *********0123 123");
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    for t in hosts(r#"{"digits": 4}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.ends_with("digits: must be > 4"), "{reason}");
    }
}
