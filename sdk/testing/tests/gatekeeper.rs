//! The example filters, natively and as modules: every test runs on both engines.

use std::time::Duration;

use serde_json::json;
use tollgate_testing::{Artifact, End, LogLevel, TestHost, UpstreamResponse, assert_size_below};

#[path = "../../guest/examples/gatekeeper.rs"]
mod gatekeeper;
#[path = "../../guest/examples/hello.rs"]
mod hello;
mod support;

mod gatekeeper_filter {
    use super::gatekeeper::Gatekeeper;
    use super::*;

    fn config() -> serde_json::Value {
        json!({"cluster": "authorizer"})
    }

    on_both_engines! { native::<Gatekeeper>, "tollgate" / "gatekeeper";
        fn a_callout_decides_and_its_answer_is_remembered(host) {
            let t = host(config()).upstream("authorizer", |request| {
                let allowed = request.header("x-user").as_deref() == Some("ann");
                UpstreamResponse::new(if allowed { 200 } else { 403 }).after(Duration::from_millis(5))
            });
            let ann = t.get("/").header("x-user", "ann").send();
            ann.assert_status(200).assert_upstream_header("x-checked", "yes");
            ann.assert_header("x-served", "ann");
            t.get("/").header("x-user", "ann").send().assert_status(200);
            t.get("/").header("x-user", "bob").send()
                .assert_status(403).assert_details("denied").assert_body("denied\n")
                .assert_not_forwarded();
            assert_eq!(t.callouts().len(), 2);
            assert_eq!(t.metric("gatekeeper_requests{result=ok}"), 2);
            assert_eq!(t.metric("gatekeeper_requests{result=denied}"), 1);
            assert_eq!(t.shared_data("verdicts:bob").as_deref(), Some(b"no".as_slice()));
            t.assert_logged(LogLevel::Info, "user \"ann\" got 200");
            t.assert_nothing_leaked();
        }

        fn a_request_that_needs_no_callout_is_rejected_at_once(host) {
            let t = host(config());
            t.get("/").send().assert_status(401).assert_details("missing_user");
            t.get("/").header("x-user", b"\xff\xfe").send().assert_status(400);
            assert!(t.callouts().is_empty());
        }

        fn an_unknown_cluster_is_a_503(host) {
            let t = host(config());
            t.get("/").header("x-user", "ann").send().assert_status(503);
            t.assert_logged(LogLevel::Warn, "no cluster \"authorizer\"");
        }

        fn an_unavailable_cluster_is_a_503(host) {
            let t = host(config()).unavailable_upstream("authorizer");
            t.get("/").header("x-user", "ann").send().assert_status(503);
            t.assert_logged(LogLevel::Warn, "unavailable");
        }

        fn a_callout_that_breaks_off_is_an_error_of_its_own(host) {
            let t = host(config()).upstream("authorizer", |_| UpstreamResponse::reset());
            t.get("/").header("x-user", "ann").send()
                .assert_status(502).assert_details("authorizer_broke_off");
        }

        fn a_silent_upstream_ends_with_the_callouts_timeout(host) {
            let t = host(config()).upstream("authorizer", |_| UpstreamResponse::silent());
            t.get("/").header("x-user", "ann").send()
                .assert_status(503).assert_details("authorizer_failed");
            t.assert_nothing_leaked();
        }

        fn a_client_that_leaves_while_a_callout_is_on_its_way_leaks_nothing(host) {
            let t = host(config()).upstream("authorizer", |_| {
                UpstreamResponse::new(200).after(Duration::from_millis(50))
            });
            let gone = t.get("/").header("x-user", "ann").leave_when_paused().send();
            assert_eq!(gone.end(), &End::ClientLeft);
            t.advance(Duration::from_secs(1));
            t.assert_nothing_leaked();
            t.get("/").header("x-user", "ann").send().assert_status(200);
            assert_eq!(t.callouts().len(), 2);
        }

        fn a_body_is_rewritten_as_a_whole_and_loses_its_length(host) {
            let t = host(config()).upstream("authorizer", |_| UpstreamResponse::new(200));
            let sent = t.post("/").header("x-user", "ann").body("card 123456789").chunks(&[3, 5, 2]).send();
            sent.assert_upstream_body("card 1234*****\n").assert_no_upstream_header("content-length");
        }

        fn trailers_end_a_body_too(host) {
            let t = host(config()).upstream("authorizer", |_| UpstreamResponse::new(200));
            let sent = t.post("/").header("x-user", "ann").body("12345").trailer("t", "1").send();
            sent.assert_upstream_body("1234*\n");
            assert_eq!(sent.forwarded().and_then(|request| request.trailer("t")).as_deref(), Some("1"));
        }

        fn a_body_above_the_limit_is_a_413(host) {
            let t = host(config()).upstream("authorizer", |_| UpstreamResponse::new(200));
            let body = "x".repeat(64 * 1024 + 1);
            t.post("/").header("x-user", "ann").body(&body).send()
                .assert_status(413).assert_not_forwarded();
            t.post("/").header("x-user", "ann").body(&body).chunks(&[1000, 60_000]).send()
                .assert_status(413).assert_not_forwarded();
        }

        fn ticks_come_when_they_are_due(host) {
            let t = host(json!({"cluster": "authorizer", "heartbeat_ms": 100}));
            t.advance(Duration::from_millis(99));
            assert_eq!(t.metric("gatekeeper_heartbeats"), 0);
            t.advance(Duration::from_millis(201));
            assert_eq!(t.metric("gatekeeper_heartbeats"), 3);
        }

        fn requests_wait_until_the_plugin_is_ready(host) {
            let t = host(json!({"cluster": "authorizer", "ready_path": "/ready"}))
                .upstream("authorizer", |request| {
                    let delay = if request.path() == "/ready" { 1000 } else { 1 };
                    UpstreamResponse::new(200).after(Duration::from_millis(delay))
                });
            t.get("/").header("x-user", "ann").send().assert_status(200);
            assert_eq!(t.callouts().len(), 2);
        }

        fn a_plugin_that_fails_after_a_callout_answers_503(host) {
            let t = host(json!({"cluster": "authorizer", "ready_path": "/ready"}))
                .upstream("authorizer", |_| UpstreamResponse::new(500).after(Duration::from_secs(1)));
            t.get("/").send().assert_status(503).assert_details("filter_not_configured");
            t.get("/").send().assert_status(503);
            t.assert_logged(LogLevel::Critical, "gatekeeper: ready_path: the authorizer is not ready");
        }

        fn a_bad_configuration_is_refused_with_its_path(host) {
            let error = |config| host(config).start().unwrap_err().reason().to_owned();
            assert_eq!(error(json!({"cluster": "a", "timeout_ms": 0})),
                "gatekeeper: timeout_ms: must be > 0");
            assert!(error(json!({"cluster": "a", "timeout_ms": -1}))
                .starts_with("gatekeeper: timeout_ms: invalid value: integer `-1`, expected u64"));
            assert!(error(json!({"cluster": "a", "tiemout": 1})).contains("unknown field `tiemout`"));
            assert!(error(json!({})).contains("missing field `cluster`"));
        }
    }
}

mod hello_filter {
    use super::hello::Hello;
    use super::*;

    on_both_engines! { native::<Hello>, "tollgate" / "hello";
        fn a_request_without_hello_is_rejected(host) {
            let t = host(json!({}));
            t.get("/").send().assert_status(403).assert_details("no_hello")
                .assert_body("say hello first\n").assert_header("content-type", "text/plain");
            t.get("/").header("x-hello", "1").send()
                .assert_status(200).assert_upstream_header("x-greeted", "by tollgate");
            t.assert_nothing_leaked();
        }

        fn a_grpc_client_gets_a_grpc_status(host) {
            let t = host(json!({}));
            t.post("/").header("content-type", "application/grpc").send()
                .assert_status(200).assert_header("grpc-status", "7")
                .assert_header("grpc-message", "say hello first%0A");
        }
    }
}

#[test]
fn a_panic_is_reported_before_the_vm_traps() {
    let t = TestHost::wasm(Artifact::example("tollgate", "crash"), "");
    let crashed = t.get("/").header("x-crash", "now").send();
    assert!(matches!(crashed.end(), End::Crashed(_)), "{crashed}");
    t.assert_logged(LogLevel::Critical, "asked to crash: \"now\"");
    t.assert_logged(
        LogLevel::Critical,
        "panicked at sdk/guest/examples/crash.rs:",
    );
}

#[test]
fn modules_stay_small() {
    assert_size_below(Artifact::example("tollgate", "hello"), 12_000);
    assert_size_below(Artifact::example("tollgate", "gatekeeper"), 110_000);
}
