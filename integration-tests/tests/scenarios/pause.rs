//! Streams that a guest holds, lets go on, or ends.

use tollgate_integration_tests::client::{Body, Gate, Version};
use tollgate_integration_tests::origin::Answer;

use crate::support::{MAIN, STOP_ITERATION, STREAMS};

#[test]
fn a_request_paused_in_its_headers_goes_on_with_its_whole_body_at_once() {
    let (received, log) = STREAMS.compare(|proxy| {
        let gate = Gate::closed();
        proxy.origin().answer(
            "/side",
            Answer::stream(Body::chunks().wait(&gate).chunk("go")),
        );
        let connection = proxy.connect(MAIN, Version::Http1);
        let pending = connection.start(proxy.post(MAIN, "/pause/request").body("held back"));
        assert_eq!(proxy.origin().wait_for_requests(1)[0].path, "/side");
        gate.open();
        assert_eq!(pending.finish().status, 200);
        (
            proxy.origin().received().swap_remove(1),
            proxy.guest_log("main", "logged"),
        )
    });
    assert_eq!(received.header("x-resumed"), Some("yes"));
    assert_eq!(received.text(), "held back");
    assert_eq!(
        log,
        [
            "info paused, end of stream false",
            "info resumed",
            "info body after resume true: 9 bytes, end of stream true",
            "info logged",
        ]
    );
}

#[test]
fn a_paused_request_reaches_no_upstream() {
    let asked = STREAMS.compare(|proxy| {
        let pending = proxy.get(MAIN, "/pause/forever").start();
        let waiting = proxy.guest_log("main", "waits for ever");
        assert_eq!(waiting, ["info waits for ever, has an id true"]);
        assert_eq!(proxy.get(MAIN, "/plain").send().status, 200);
        let paths: Vec<_> = proxy
            .origin()
            .received()
            .into_iter()
            .map(|r| r.path)
            .collect();
        pending.abandon();
        assert_eq!(proxy.guest_log("main", "logged").len(), 2);
        paths
    });
    assert_eq!(asked, ["/plain"]);
}

#[test]
fn body_callbacks_run_beside_held_headers_where_the_plugin_allows_it() {
    let received = STREAMS.compare(|proxy| {
        let body = Body::chunks().chunk("some ").chunk("text");
        let response = proxy
            .post(STOP_ITERATION, "/pause/headers-only")
            .stream(body)
            .send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.header("x-body-size"), Some("9"));
    assert_eq!(received.text(), "some text");
}

#[test]
fn a_body_paused_at_its_end_goes_on_by_a_callout() {
    let (received, log) = STREAMS.compare(|proxy| {
        let body = Body::chunks().chunk("held ").chunk("until the end");
        let response = proxy.post(MAIN, "/pause/body").stream(body).send();
        assert_eq!(response.status, 200);
        let received = proxy.origin().wait_for_requests(2);
        let request = received
            .into_iter()
            .find(|request| request.path == "/pause/body");
        (
            request.expect("the request went on").text(),
            proxy.guest_log("main", "resumes"),
        )
    });
    assert_eq!(received, "held until the end");
    assert_eq!(log, ["info resumes 18 bytes"]);
}

#[test]
fn request_and_response_are_held_one_after_the_other() {
    let (response, received) = STREAMS.compare(|proxy| {
        proxy
            .origin()
            .answer("/pause/both", Answer::text("held as well"));
        let response = proxy.get(MAIN, "/pause/both").send();
        (response, proxy.origin().wait_for_requests(3).swap_remove(1))
    });
    assert_eq!(received.header("x-request-resumed"), Some("yes"));
    assert_eq!(response.header("x-response-resumed"), Some("yes"));
    assert_eq!(response.text(), "held as well");
}

#[test]
fn a_guest_ends_a_stream_without_an_answer() {
    let (response, asked, log) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/pause/close-request").send();
        (
            response,
            proxy.origin().received().len(),
            proxy.guest_log("main", "logged"),
        )
    });
    assert_eq!((response.status, asked), (0, 0));
    assert_eq!(log, ["info logged"]);
}

#[test]
fn over_http2_only_that_stream_ends() {
    let statuses = STREAMS.compare(|proxy| {
        let connection = proxy.connect(MAIN, Version::Http2);
        let ended = connection.send(proxy.get(MAIN, "/pause/close-request").http2());
        let other = connection.send(proxy.get(MAIN, "/plain").http2());
        (ended.status, other.status)
    });
    assert_eq!(statuses, (0, 200));
}

#[test]
fn a_guest_ends_a_stream_that_the_upstream_has_answered() {
    let (response, asked) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/pause/close-response").send();
        let log = proxy.guest_log("main", "logged");
        assert_eq!(log, ["info logged"]);
        (response, proxy.origin().received().len())
    });
    assert_eq!((response.status, asked), (0, 1));
}
