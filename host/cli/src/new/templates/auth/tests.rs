//! Each test runs natively; `cargo test --features wasm` runs it on the built module too.

use tollgate_testing::TestHost;

use super::ApiKey;

const CONFIG: &str = r#"{"keys": [{"key": "demo-key", "consumer": "demo"}]}"#;

fn hosts(config: &str) -> impl Iterator<Item = TestHost> {
    let hosts = [
        TestHost::native::<ApiKey>(config),
        #[cfg(feature = "wasm")]
        TestHost::wasm(env!("CARGO_PKG_NAME"), config),
    ];
    hosts.into_iter()
}

#[test]
fn a_known_key_is_let_in_and_named() {
    for t in hosts(CONFIG) {
        let sent = t.get("/").header("x-api-key", "demo-key").send();
        sent.assert_status(200)
            .assert_upstream_header("x-consumer", "demo");
        sent.assert_no_upstream_header("x-api-key");
        assert_eq!(t.metric("auth_requests{result=allowed}"), 1);
        t.assert_nothing_leaked();
    }
}

#[test]
fn a_request_without_a_key_never_reaches_the_upstream() {
    for t in hosts(CONFIG) {
        t.get("/")
            .send()
            .assert_status(401)
            .assert_details("missing_key")
            .assert_not_forwarded();
        let wrong = t.get("/").header("x-api-key", "demo-kez").send();
        wrong
            .assert_status(401)
            .assert_details("unknown_key")
            .assert_not_forwarded();
    }
}

#[test]
fn a_client_cannot_say_who_it_is() {
    for t in hosts(CONFIG) {
        let request = t
            .get("/")
            .header("x-api-key", "demo-key")
            .header("x-consumer", "root");
        request.send().assert_upstream_header("x-consumer", "demo");
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    for t in hosts(r#"{"keys": []}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.ends_with("keys: name at least one key"), "{reason}");
    }
}
