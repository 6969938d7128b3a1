//! Each test runs natively, in time that it controls; `cargo test --features wasm` runs it on the
//! built module too.

use std::time::Duration;

use tollgate_testing::TestHost;

use super::RateLimit;

fn hosts(config: &str) -> impl Iterator<Item = TestHost> {
    let hosts = [
        TestHost::native::<RateLimit>(config),
        #[cfg(feature = "wasm")]
        TestHost::wasm(env!("CARGO_PKG_NAME"), config),
    ];
    hosts.into_iter()
}

#[test]
fn a_client_may_send_its_requests_at_once_and_then_waits() {
    for t in hosts(r#"{"requests": 5, "seconds": 10}"#) {
        let ask = || t.get("/").remote_address("192.0.2.1:4711").send();
        for _ in 0..5 {
            ask().assert_status(200);
        }
        ask()
            .assert_status(429)
            .assert_header("retry-after", "2")
            .assert_not_forwarded();
        assert_eq!(t.metric("rate_limited_requests"), 1);
        t.advance(Duration::from_secs(2));
        ask().assert_status(200);
        ask().assert_status(429);
    }
}

#[test]
fn clients_are_counted_apart_by_their_address_without_its_port() {
    for t in hosts(r#"{"requests": 1, "seconds": 10}"#) {
        t.get("/")
            .remote_address("192.0.2.1:1000")
            .send()
            .assert_status(200);
        t.get("/")
            .remote_address("192.0.2.1:2000")
            .send()
            .assert_status(429);
        t.get("/")
            .remote_address("192.0.2.2:1000")
            .send()
            .assert_status(200);
    }
}

#[test]
fn a_header_can_tell_clients_apart() {
    for t in hosts(r#"{"requests": 1, "seconds": 10, "header": "x-user"}"#) {
        t.get("/").header("x-user", "ann").send().assert_status(200);
        t.get("/").header("x-user", "bob").send().assert_status(200);
        t.get("/").header("x-user", "ann").send().assert_status(429);
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    for t in hosts(r#"{"requests": 0, "seconds": 1}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.ends_with("requests: must be > 0"), "{reason}");
    }
}
