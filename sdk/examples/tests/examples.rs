//! Every example in memory, natively and as a module.

use std::time::Duration;

use tollgate::HttpFilter;
use tollgate_examples::access_log::AccessLog;
use tollgate_examples::ext_auth::ExtAuth;
use tollgate_examples::header_auth::HeaderAuth;
use tollgate_examples::queue_worker::QueueWorker;
use tollgate_examples::rate_limit::RateLimit;
use tollgate_examples::rewrite_body::RewriteBody;
use tollgate_examples::scan_body::ScanBody;
use tollgate_examples::stream_body::StreamBody;
use tollgate_examples::tcp_gate::TcpGate;
use tollgate_testing::{LogLevel, Registration, Stage, TestHost, UpstreamResponse};

fn module(root_id: &str, config: &str) -> TestHost {
    TestHost::wasm("tollgate-examples", config).root_id(root_id)
}

fn both<F: HttpFilter>(config: &str) -> [TestHost; 2] {
    [TestHost::native::<F>(config), module(F::NAME, config)]
}

#[test]
fn header_auth_knows_its_teams() {
    for t in both::<HeaderAuth>(r#"{"teams": ["blue", "red"]}"#) {
        t.get("/")
            .send()
            .assert_status(401)
            .assert_details("no_team");
        let green = t.get("/").header("x-team", "green").send();
        green.assert_status(403).assert_not_forwarded();
        let red = t.get("/").header("x-team", "red").send();
        red.assert_status(200)
            .assert_upstream_header("x-checked", "header-auth");
        t.assert_nothing_leaked();
    }
    for t in both::<HeaderAuth>(r#"{"teams": []}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert_eq!(reason, "header-auth: teams: name at least one team");
    }
}

#[test]
fn ext_auth_does_what_the_service_says() {
    for t in both::<ExtAuth>(r#"{"cluster": "authorizer"}"#) {
        let t = t.upstream("authorizer", |request| {
            match request.header("authorization").as_deref() {
                Some("Bearer ann") => UpstreamResponse::new(200).header("x-user", "ann"),
                Some("Bearer slow") => UpstreamResponse::silent(),
                Some("Bearer broken") => UpstreamResponse::reset(),
                _ => UpstreamResponse::new(403),
            }
        });
        let with = |token: &str| t.get("/").header("authorization", token).send();
        t.get("/").send().assert_status(401);
        with("Bearer ann")
            .assert_status(200)
            .assert_upstream_header("x-user", "ann");
        with("Bearer bob").assert_status(403).assert_not_forwarded();
        with("Bearer slow")
            .assert_status(503)
            .assert_details("authorizer_failed");
        with("Bearer broken").assert_status(503);
        t.assert_nothing_leaked();
    }
    for t in both::<ExtAuth>(r#"{"cluster": "authorizer", "allow_on_failure": true}"#) {
        let t = t.unavailable_upstream("authorizer");
        let sent = t
            .get("/")
            .header("authorization", "x")
            .header("x-user", "root")
            .send();
        sent.assert_status(200).assert_no_upstream_header("x-user");
    }
}

#[test]
fn rewrite_body_turns_lines_into_json() {
    for t in both::<RewriteBody>("") {
        let t = t.origin(|_| UpstreamResponse::new(200).body("thanks"));
        let sent = t.post("/").body("a=1\nb=two").chunks(&[3, 2]).send();
        sent.assert_upstream_body(r#"{"a":"1","b":"two"}"#)
            .assert_body("THANKS");
        t.post("/")
            .body("nothing")
            .send()
            .assert_status(400)
            .assert_not_forwarded();
        t.post("/").body(b"\xff").send().assert_status(415);
    }
}

fn scanner() -> [TestHost; 2] {
    both::<ScanBody>(r#"{"cluster": "scanner"}"#).map(|t| {
        t.upstream("scanner", |request| {
            let is_evil = request.body.windows(4).any(|word| word == b"evil");
            let answer = UpstreamResponse::new(if is_evil { 403 } else { 200 });
            answer.after(Duration::from_millis(5))
        })
    })
}

#[test]
fn scan_body_holds_each_part_until_it_is_scanned() {
    for t in scanner() {
        let upload = t.post("/").open();
        upload.assert_stage(&Stage::Request).send_body("one ");
        upload.assert_stage(&Stage::RequestPaused).send_body("two ");
        assert_eq!(upload.upstream_body(), b"");
        t.advance(Duration::from_millis(5));
        assert_eq!(upload.upstream_body(), b"", "two waits now");
        t.advance(Duration::from_millis(5));
        assert_eq!(upload.upstream_body(), b"one two ");
        upload.end_body("three");
        t.advance(Duration::from_millis(5));
        let sent = upload.finish();
        sent.assert_status(200)
            .assert_upstream_body("one two three");
        t.assert_logged(LogLevel::Info, "13 bytes scanned");
        t.assert_nothing_leaked();
    }
}

#[test]
fn scan_body_ends_an_upload_in_its_midst() {
    for t in scanner() {
        let upload = t.post("/").open();
        upload.send_body("some ");
        t.advance(Duration::from_millis(5));
        upload.send_body("evil ");
        t.advance(Duration::from_millis(5));
        upload.finish().assert_status(422).assert_details("scanner");
        t.assert_nothing_leaked();
        let left = t.post("/").open();
        left.send_body("some ");
        left.leave();
        t.advance(Duration::from_millis(5));
        t.assert_nothing_leaked();
    }
}

#[test]
fn stream_body_hides_digits_in_each_part() {
    for t in both::<StreamBody>("") {
        let sent = t.post("/").body("a1b22c").chunks(&[2, 2]).send();
        sent.assert_upstream_body("a#b##c");
        assert_eq!(t.metric("example_hidden_digits"), 3);
        t.assert_logged(LogLevel::Info, "6 bytes passed");
    }
}

#[test]
fn rate_limit_counts_in_a_window() {
    for t in both::<RateLimit>(r#"{"requests": 2, "seconds": 10}"#) {
        let t = t.clock("2026-01-31T12:00:00Z");
        let ask = |user: &str| t.get("/").header("x-user", user).send();
        ask("ann")
            .assert_status(200)
            .assert_upstream_header("x-request-number", "1");
        ask("ann").assert_status(200);
        ask("ann")
            .assert_status(429)
            .assert_header("retry-after", "10");
        ask("bob").assert_status(200);
        t.advance(Duration::from_secs(10));
        ask("ann").assert_status(200);
    }
}

#[test]
fn access_log_counts_and_logs() {
    let native = TestHost::native_service::<AccessLog>("");
    for t in [native, module("access-log", "")] {
        let t = t.access_logger();
        let t = t
            .origin(|request| UpstreamResponse::new(if request.path() == "/" { 200 } else { 404 }));
        t.get("/").send().assert_status(200);
        t.get("/none").send().assert_status(404);
        assert_eq!(t.metric("example_requests{class=fine}"), 1);
        assert_eq!(t.metric("example_requests{class=refused}"), 1);
        t.assert_logged(LogLevel::Info, "/none was answered 404");
    }
}

#[test]
fn tcp_gate_wants_its_password_first() {
    let config = r#"{"password": "sesame"}"#;
    let native = TestHost::native_tcp::<TcpGate>(config);
    for t in [native, module("tcp-gate", config)] {
        let connection = t.connect();
        connection.client_sends("ses");
        assert!(connection.is_held());
        connection.client_sends("ame\nhello");
        connection.client_sends(" there");
        assert_eq!(connection.to_upstream(), b"hello there");
        connection.upstream_sends("hi");
        assert_eq!(connection.to_client(), b"hi");
        connection.client_closes();
        for wrong in ["simsalabim\n", "a line without an end"] {
            let connection = t.connect();
            connection.client_sends(wrong);
            assert!(connection.end().is_some(), "{wrong:?} is let in");
            assert_eq!(connection.to_upstream(), b"");
        }
        t.assert_nothing_leaked();
    }
}

#[test]
fn queue_worker_works_beside_the_requests() {
    for t in both::<QueueWorker>("") {
        t.get("/one").send().assert_status(200);
        t.get("/two").send().assert_status(200);
        t.advance(Duration::from_millis(1));
        assert_eq!(t.metric("example_jobs"), 2);
        t.assert_logged(LogLevel::Info, "worked on /two");
    }
}

/// Two of the module's plugins natively, and the module.
fn several(root_id: &str, config: &str) -> [TestHost; 2] {
    let plugins = [
        Registration::of::<HeaderAuth>("header-auth"),
        Registration::of_stream_filter::<TcpGate>("tcp-gate"),
    ];
    let native = TestHost::native_plugins(plugins, config).root_id(root_id);
    [native, module(root_id, config)]
}

#[test]
fn the_root_id_chooses_the_plugin() {
    for t in several("header-auth", r#"{"teams": ["red"]}"#) {
        let t = t.workers(2);
        for worker in 0..2 {
            let request = t.get("/").header("x-team", "red").on_worker(worker);
            request
                .send()
                .assert_upstream_header("x-checked", "header-auth");
        }
        t.assert_nothing_leaked();
    }
    for t in several("tcp-gate", r#"{"teams": ["red"]}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.starts_with("tcp-gate: "), "{reason}");
    }
}

#[test]
fn a_root_id_without_a_plugin_is_refused() {
    for t in several("nobody", "{}") {
        let reason = t.start().unwrap_err().to_string();
        assert!(
            reason.contains("no plugin for the configured root_id"),
            "{reason}"
        );
    }
}
