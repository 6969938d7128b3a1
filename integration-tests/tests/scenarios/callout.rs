//! HTTP calls that guests make while a request waits.

use std::time::Duration;

use tollgate_integration_tests::client::{Body, Gate};
use tollgate_integration_tests::origin::Answer;

use crate::support::{MAIN, STREAMS};

#[test]
fn a_callouts_answer_becomes_part_of_the_request() {
    let (received, log) = STREAMS.compare(|proxy| {
        proxy
            .origin()
            .answer("/side", Answer::text("they may").with_status(207));
        let response = proxy.get(MAIN, "/callout/ask").send();
        assert_eq!(response.status, 200);
        (
            proxy.origin().wait_for_requests(2),
            proxy.guest_log("main", "status"),
        )
    });
    assert_eq!(log, ["info status 207, counts agree true, body they may"]);
    assert_eq!(received[1].header("x-side-status"), Some("207"));
    assert_eq!(received[1].header("x-side-body"), Some("they may"));
}

#[test]
fn a_callout_is_sent_as_the_guest_wrote_it() {
    let call = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/callout/ask").send();
        assert_eq!(response.status, 200);
        proxy.origin().received().swap_remove(0)
    });
    assert_eq!(
        (call.method.as_str(), call.path.as_str()),
        ("POST", "/side")
    );
    assert_eq!(call.header("host"), Some("side.test"));
    assert_eq!(call.header("x-asked-by"), Some("guest"));
    assert_eq!(call.header("content-length"), Some("14"));
    assert_eq!(call.header("x-envoy-internal"), Some("true"));
    assert_eq!(call.text(), "may they pass?");
}

#[test]
fn a_callout_that_takes_too_long_is_answered_504() {
    let (received, log) = STREAMS.compare(|proxy| {
        let slow = Answer::text("late").delay(Duration::from_millis(1500));
        proxy.origin().answer("/side", slow);
        let response = proxy.get(MAIN, "/callout/timeout").send();
        assert_eq!(response.status, 200);
        let received = proxy.origin().wait_for_requests(2);
        let request = received.into_iter().find(|r| r.path == "/callout/timeout");
        (request, proxy.guest_log("main", "status"))
    });
    assert_eq!(
        log,
        ["info status 504, counts agree true, body upstream request timeout"]
    );
    assert_eq!(
        received
            .expect("the request goes on")
            .header("x-side-status"),
        Some("504")
    );
}

#[test]
fn a_callout_that_is_refused_is_answered_503() {
    let (received, log) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/callout/refused").send();
        assert_eq!(response.status, 200);
        (
            proxy.origin().only_request(),
            proxy.guest_log("main", "status"),
        )
    });
    assert!(
        log[0].starts_with("info status 503, counts agree true, body upstream connect error"),
        "{log:?}"
    );
    assert_eq!(received.header("x-side-status"), Some("503"));
}

#[test]
fn a_callout_to_an_unknown_cluster_is_a_bad_argument() {
    let (received, log) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/callout/unknown-cluster").send();
        assert_eq!(response.status, 200);
        (
            proxy.origin().only_request(),
            proxy.guest_log("main", "not sent"),
        )
    });
    assert_eq!(log, ["info not sent: BadArgument"]);
    assert_eq!(received.header("x-not-sent"), Some("BadArgument"));
}

#[test]
fn a_callout_without_its_pseudo_headers_is_a_bad_argument() {
    let log = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/callout/incomplete").send();
        assert_eq!(response.status, 200);
        proxy.guest_log("main", "tried")
    });
    assert_eq!(
        log,
        [
            "info without Some(\":method\"): Err(BadArgument)",
            "info without Some(\":path\"): Err(BadArgument)",
            "info without Some(\":authority\"): Err(BadArgument)",
            "info tried",
        ]
    );
}

#[test]
fn a_guest_denies_a_waiting_request() {
    let (response, asked) = STREAMS.compare(|proxy| {
        proxy
            .origin()
            .answer("/side", Answer::text("no, they may not").with_status(403));
        let response = proxy.get(MAIN, "/callout/deny").send();
        (response, proxy.origin().received().len())
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (403, "no, they may not")
    );
    assert_eq!(response.header("x-denied-by"), Some("side"));
    assert_eq!(asked, 1);
}

#[test]
fn answers_of_two_callouts_are_told_apart() {
    let log = STREAMS.compare(|proxy| {
        let slow = Answer::text("took its time").delay(Duration::from_millis(150));
        proxy.origin().answer("/slow", slow);
        proxy.origin().answer("/quick", Answer::text("at once"));
        let response = proxy.get(MAIN, "/callout/two").send();
        assert_eq!(response.status, 200);
        proxy.guest_log("main", "slow answered")
    });
    assert_eq!(
        log,
        [
            "info quick answered: at once",
            "info slow answered: took its time"
        ]
    );
}

#[test]
fn a_callout_over_http2_brings_trailers() {
    let (version, log) = STREAMS.compare(|proxy| {
        let body = Body::chunks().chunk("text").trailers(&[("x-end", "yes")]);
        proxy.origin().answer("/side", Answer::stream(body));
        let response = proxy.get(MAIN, "/callout/http2").send();
        assert_eq!(response.status, 200);
        let version = proxy.origin().received()[0].version.clone();
        (version, proxy.guest_log("main", "trailers"))
    });
    assert_eq!(version, "HTTP/2.0");
    assert_eq!(log[1], r#"info trailers [("x-end", "yes")]"#);
}

#[test]
fn a_response_waits_for_a_callout() {
    let response = STREAMS.compare(|proxy| {
        proxy.origin().answer("/side", Answer::text("checked"));
        proxy
            .origin()
            .answer("/callout/response", Answer::text("the body"));
        proxy.get(MAIN, "/callout/response").send()
    });
    assert_eq!(response.header("x-side-body"), Some("checked"));
    assert_eq!(response.text(), "the body");
}

#[test]
fn a_callout_is_sent_although_nobody_waits_for_it() {
    let (log, paths) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/callout/forget").send();
        assert_eq!(response.status, 200);
        let received = proxy.origin().wait_for_requests(2);
        let mut paths: Vec<_> = received.into_iter().map(|request| request.path).collect();
        paths.sort();
        (proxy.guest_log("main", "sent"), paths)
    });
    assert_eq!(log, ["info sent: true"]);
    assert_eq!(paths, ["/callout/forget", "/side"]);
}

#[test]
fn a_client_that_leaves_during_a_callout_harms_nobody() {
    let status = STREAMS.compare(|proxy| {
        let gate = Gate::closed();
        let body = Body::chunks().wait(&gate).chunk("too late");
        proxy.origin().answer("/side", Answer::stream(body));
        let pending = proxy.get(MAIN, "/callout/ask").start();
        let asked = proxy.origin().wait_for_requests(1);
        assert_eq!(asked[0].path, "/side");
        pending.abandon();
        gate.open();
        proxy.get(MAIN, "/plain").send().status
    });
    assert_eq!(status, 200);
}

#[test]
fn a_local_response_waits_for_a_callout() {
    let response = STREAMS.compare(|proxy| {
        proxy.origin().answer("/side", Answer::text("noted"));
        proxy.get(MAIN, "/callout/answer-first").send()
    });
    assert_eq!((response.status, response.text().as_str()), (403, "denied"));
    assert_eq!(response.header("x-side-body"), Some("noted"));
}
