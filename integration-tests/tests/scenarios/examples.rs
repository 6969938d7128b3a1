//! The examples of the SDK, each on both proxies.

use std::time::Duration;

use tollgate_integration_tests::SharedPair;
use tollgate_integration_tests::client::{Body, TcpClient};
use tollgate_integration_tests::origin::Answer;

static EXAMPLES: SharedPair = SharedPair::new("examples.yaml");

const HEADER_AUTH: u16 = 10_000;
const EXT_AUTH: u16 = 10_001;
const REWRITE_BODY: u16 = 10_002;
const STREAM_BODY: u16 = 10_003;
const RATE_LIMIT: u16 = 10_004;
const ACCESS_LOG: u16 = 10_005;
const TCP_GATE: u16 = 10_006;
const QUEUE_WORKER: u16 = 10_007;
const SCAN_BODY: u16 = 10_008;

#[test]
fn header_auth_lets_its_teams_in() {
    let (statuses, received) = EXAMPLES.compare(|proxy| {
        let get = || proxy.get(HEADER_AUTH, "/");
        let nobody = get().send().status;
        let green = get().header("x-team", "green").send().status;
        let blue = get().header("x-team", "blue").send().status;
        ([nobody, green, blue], proxy.origin().only_request())
    });
    assert_eq!(statuses, [401, 403, 200]);
    assert_eq!(received.header("x-checked"), Some("header-auth"));
}

#[test]
fn ext_auth_asks_the_service() {
    let (allowed, denied, without) = EXAMPLES.compare(|proxy| {
        let get = || {
            proxy
                .get(EXT_AUTH, "/private")
                .header("authorization", "Bearer ann")
        };
        let yes = Answer::text("").header("x-user", "ann");
        proxy.origin().answer("/authorize", yes);
        assert_eq!(get().header("x-user", "root").send().status, 200);
        let received = proxy.origin().received();
        let paths: Vec<_> = received
            .iter()
            .map(|request| request.path.clone())
            .collect();
        let user = received[1].headers.all("x-user").join(",");
        proxy
            .origin()
            .answer("/authorize", Answer::text("no").with_status(403));
        let denied = get().send().status;
        (
            (paths, user),
            denied,
            proxy.get(EXT_AUTH, "/").send().status,
        )
    });
    let (paths, user) = allowed;
    assert_eq!(paths, ["/authorize", "/private"]);
    assert_eq!((user.as_str(), denied, without), ("ann", 403, 401));
}

#[test]
fn rewrite_body_sees_bodies_as_a_whole() {
    let (response, received) = EXAMPLES.compare(|proxy| {
        proxy.origin().answer("/form", Answer::text("thanks"));
        let body = Body::chunks().chunk("a=1\n").chunk("b=two");
        let response = proxy.post(REWRITE_BODY, "/form").stream(body).send();
        (response.text(), proxy.origin().only_request().text())
    });
    assert_eq!(
        (response.as_str(), received.as_str()),
        ("THANKS", r#"{"a":"1","b":"two"}"#)
    );
}

#[test]
fn stream_body_changes_bodies_while_they_pass() {
    let (received, log) = EXAMPLES.compare(|proxy| {
        let body = Body::chunks().chunk("card 4111").chunk(" 1111 of ann");
        let response = proxy.post(STREAM_BODY, "/stream").stream(body).send();
        assert_eq!(response.status, 200);
        let log = proxy.guest_log("stream-body", "bytes passed");
        (proxy.origin().only_request().text(), log)
    });
    assert_eq!(received, "card #### #### of ann");
    assert_eq!(log, ["info 21 bytes passed"]);
}

#[test]
fn scan_body_has_each_part_looked_at() {
    let (status, passed, scanned, log) = EXAMPLES.compare(|proxy| {
        let slow = Answer::text("").delay(Duration::from_millis(50));
        proxy.origin().answer("/scan", slow);
        let body = Body::chunks().chunk("one ").chunk("two ").chunk("three");
        let response = proxy.post(SCAN_BODY, "/upload").stream(body).send();
        let log = proxy.guest_log("scan-body", "bytes scanned");
        let received = proxy.origin().received();
        let of = |path: &str| -> String {
            let requests = received.iter().filter(|request| request.path == path);
            requests.map(|request| request.text()).collect()
        };
        (response.status, of("/upload"), of("/scan"), log)
    });
    assert_eq!((status, passed.as_str()), (200, "one two three"));
    assert_eq!(scanned, passed);
    assert_eq!(log, ["info 13 bytes scanned"]);
}

#[test]
fn scan_body_takes_no_more_than_it_can_hold() {
    const SIZE: usize = 3_000_000;
    let (status, passed) = EXAMPLES.compare(|proxy| {
        let slow = Answer::text("").delay(Duration::from_millis(300));
        proxy.origin().answer("/scan", slow);
        let response = proxy
            .post(SCAN_BODY, "/upload")
            .body("x".repeat(SIZE))
            .send();
        let received = proxy.origin().received();
        let upload = received
            .into_iter()
            .find(|request| request.path == "/upload");
        (response.status, upload.map(|request| request.body.len()))
    });
    // More than the listener's buffer holds: to collect it would be answered with a 413.
    assert_eq!((status, passed), (200, Some(SIZE)));
}

#[test]
fn scan_body_ends_an_upload_that_is_refused() {
    let (status, text) = EXAMPLES.compare(|proxy| {
        proxy.origin().answer("/scan", Answer::status(403));
        let response = proxy.post(SCAN_BODY, "/upload").body("evil").send();
        (response.status, response.text())
    });
    assert_eq!((status, text.as_str()), (422, "the scanner says no\n"));
}

#[test]
fn rate_limit_counts_for_each_user() {
    let statuses = EXAMPLES.compare(|proxy| {
        let ask = |user| {
            proxy
                .get(RATE_LIMIT, "/")
                .header("x-user", user)
                .send()
                .status
        };
        ["ann", "ann", "bob", "ann"].map(ask)
    });
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[test]
fn access_log_is_told_of_each_request() {
    let (log, metrics) = EXAMPLES.compare(|proxy| {
        assert_eq!(proxy.get(ACCESS_LOG, "/logged").send().status, 200);
        let log = proxy.guest_log("access-log", "was answered");
        (log, proxy.custom_metrics("example_requests"))
    });
    assert_eq!(log, ["info /logged was answered 200"]);
    assert_eq!(metrics.values().collect::<Vec<_>>(), ["1"], "{metrics:?}");
}

#[test]
fn tcp_gate_wants_its_password_first() {
    let texts = EXAMPLES.compare(|proxy| {
        let exchange = |bytes: &[u8]| {
            let mut client = TcpClient::connect(proxy.port(TCP_GATE));
            client.send(bytes);
            client.end();
            client.rest_text()
        };
        [exchange(b"guess\nhello"), exchange(b"sesame\nhello")]
    });
    assert_eq!(texts, ["", "hello"]);
}

#[test]
fn queue_worker_works_beside_the_requests() {
    let log = EXAMPLES.compare(|proxy| {
        assert_eq!(proxy.get(QUEUE_WORKER, "/job").send().status, 200);
        proxy.guest_log("queue-worker", "worked on")
    });
    assert_eq!(log, ["info worked on /job"]);
}
