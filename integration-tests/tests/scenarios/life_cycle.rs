//! Order of callbacks: one filter from creation to deletion, and two filters in a chain.

use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;

use crate::support::{CHAIN, LIFE_CYCLE, STREAMS};

#[test]
fn a_stream_ends_by_log_done_and_delete() {
    let log = STREAMS.compare(|proxy| {
        let response = proxy.post(LIFE_CYCLE, "/known").body("body").send();
        assert_eq!(response.status, 200);
        proxy.guest_log("life-cycle", "deleted")
    });
    assert_eq!(
        log,
        [
            "info created",
            "info request headers",
            "info request body ends",
            "info response headers",
            "info response body ends",
            "info log",
            "info done",
            "info deleted",
        ]
    );
}

#[test]
fn trailers_have_callbacks_of_their_own() {
    let log = STREAMS.compare(|proxy| {
        let answer = Body::chunks().chunk("a").trailers(&[("x-end", "1")]);
        proxy.origin().answer("/known", Answer::stream(answer));
        let request = proxy
            .post(LIFE_CYCLE, "/known")
            .http2()
            .header("x-upstream", "http2");
        let body = Body::chunks().chunk("q").trailers(&[("x-end", "1")]);
        assert_eq!(request.stream(body).send().status, 200);
        proxy.guest_log("life-cycle", "deleted")
    });
    assert_eq!(
        log,
        [
            "info created",
            "info request headers",
            "info request trailers",
            "info response headers",
            "info response trailers",
            "info log",
            "info done",
            "info deleted",
        ]
    );
}

#[test]
fn a_local_reply_of_the_proxy_passes_the_response_callbacks() {
    let log = STREAMS.compare(|proxy| {
        let response = proxy.get(LIFE_CYCLE, "/unknown").send();
        assert_eq!(response.status, 404);
        proxy.guest_log("life-cycle", "deleted")
    });
    assert_eq!(
        log,
        [
            "info created",
            "info request headers",
            "info response headers",
            "info log",
            "info done",
            "info deleted",
        ]
    );
}

#[test]
fn a_client_that_leaves_ends_the_stream() {
    let log = STREAMS.compare(|proxy| {
        let gate = tollgate_integration_tests::client::Gate::closed();
        proxy
            .origin()
            .answer("/known", Answer::stream(Body::chunks().wait(&gate)));
        let pending = proxy.get(LIFE_CYCLE, "/known").start();
        assert_eq!(proxy.origin().wait_for_requests(1).len(), 1);
        pending.abandon();
        let log = proxy.guest_log("life-cycle", "deleted");
        gate.open();
        // Whether the origin's headers were faster is chance.
        log.into_iter()
            .filter(|line| line != "info response headers")
            .collect::<Vec<_>>()
    });
    assert_eq!(
        log,
        [
            "info created",
            "info request headers",
            "info log",
            "info done",
            "info deleted"
        ]
    );
}

#[test]
fn requests_pass_a_chain_forwards_and_responses_backwards() {
    let (response, received, first, second) = STREAMS.compare(|proxy| {
        let response = proxy.get(CHAIN, "/chain").send();
        let received = proxy.origin().only_request();
        let first = proxy.guest_log("first", "log");
        (response, received, first, proxy.guest_log("second", "log"))
    });
    assert_eq!(received.headers.all("x-passed"), ["first", "second"]);
    assert_eq!(response.headers.all("x-passed"), ["second", "first"]);
    assert_eq!(
        first,
        [
            "info first: request",
            "info first: passed before: ",
            "info first: response",
            "info first: log",
        ]
    );
    assert_eq!(second[1], "info second: passed before: first");
}

#[test]
fn the_second_filters_answer_passes_both_on_its_way_back() {
    let (response, asked) = STREAMS.compare(|proxy| {
        let response = proxy
            .get(CHAIN, "/chain")
            .header("x-stop-at", "second")
            .send();
        (response, proxy.origin().received().len())
    });
    assert_eq!(
        (response.status, response.text().as_str(), asked),
        (403, "stopped at second\n", 0)
    );
    assert_eq!(response.headers.all("x-passed"), ["second", "first"]);
}

#[test]
fn the_first_filters_answer_keeps_the_second_from_both_sides() {
    let (response, second) = STREAMS.compare(|proxy| {
        let response = proxy
            .get(CHAIN, "/chain")
            .header("x-stop-at", "first")
            .send();
        assert_eq!(
            proxy.guest_log("first", "log").last().map(String::as_str),
            Some("info first: log")
        );
        (response, proxy.guest_log("second", "log"))
    });
    assert_eq!(response.headers.all("x-passed"), ["first"]);
    assert_eq!(second, ["info second: log"]);
}
