//! Answers that a guest gives in the place of the upstream.

use tollgate_integration_tests::Kind;
use tollgate_integration_tests::client::{Body, Gate, Version};
use tollgate_integration_tests::origin::Answer;

use crate::support::{MAIN, STREAMS};

#[test]
fn a_local_response_has_the_guests_status_headers_and_body() {
    let (response, asked, log) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/local-response/request-headers").send();
        let asked = proxy.origin().received().len();
        (response, asked, proxy.guest_log("main", "logged"))
    });
    assert_eq!(asked, 0);
    assert_eq!(
        (response.status, response.text().as_str()),
        (403, "forbidden by the guest\n")
    );
    assert_eq!(response.header("x-reason"), Some("because"));
    assert_eq!(response.headers.all("x-twice"), ["a", "b"]);
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.header("content-length"), Some("23"));
    assert_eq!(response.header("x-decorated"), Some("yes"));
    assert_eq!(
        log,
        [
            "info the callback goes on",
            "info own answer: Some(\"403\"), end of stream false",
            "info own body: 23 bytes, end of stream true",
            "info logged",
        ]
    );
}

#[test]
fn what_the_callback_returns_after_a_local_response_does_not_count() {
    let (response, asked) = STREAMS.compare(|proxy| {
        let response = proxy
            .post(MAIN, "/local-response/but-continue")
            .body("body")
            .send();
        (response, proxy.origin().received().len())
    });
    assert_eq!((response.status, asked), (403, 0));
}

#[test]
fn a_local_response_without_a_body_has_no_content_headers() {
    let response = STREAMS.compare(|proxy| proxy.get(MAIN, "/local-response/empty").send());
    assert_eq!(response.status, 204);
    assert_eq!(response.header("x-empty"), Some("yes"));
    assert_eq!(response.header("content-type"), None);
    assert_eq!(response.header("content-length"), None);
}

#[test]
fn a_guest_names_the_content_type_of_its_answer() {
    let response = STREAMS.compare(|proxy| proxy.get(MAIN, "/local-response/content-type").send());
    assert_eq!(response.status, 418);
    assert_eq!(response.headers.all("content-type"), ["application/json"]);
    assert_eq!(response.text(), "{\"short\":true}");
}

#[test]
fn a_local_response_to_head_has_no_body() {
    let response = STREAMS.compare(|proxy| {
        proxy
            .request(MAIN, "HEAD", "/local-response/request-headers")
            .send()
    });
    assert_eq!((response.status, response.text().as_str()), (403, ""));
    assert!(response.complete);
}

#[test]
fn a_guest_answers_when_it_has_seen_the_body() {
    let response = STREAMS.compare(|proxy| {
        proxy
            .post(MAIN, "/local-response/request-body")
            .body("not what I like")
            .send()
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (422, "body refused\n")
    );
}

#[test]
fn a_guest_replaces_the_upstreams_answer() {
    let (response, log) = STREAMS.compare(|proxy| {
        let answer = Answer::text("secret").header("x-secret", "1");
        proxy
            .origin()
            .answer("/local-response/response-headers", answer);
        let response = proxy.get(MAIN, "/local-response/response-headers").send();
        (response, proxy.guest_log("main", "logged"))
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (502, "not what it said\n")
    );
    assert_eq!(response.header("x-instead"), Some("yes"));
    assert_eq!(response.header("x-secret"), None);
    assert_eq!(log, ["info response headers: Some(\"200\")", "info logged"]);
}

#[test]
fn an_answer_that_comes_too_late_breaks_the_stream_off() {
    let (status, complete) = STREAMS.compare(|proxy| {
        let gate = Gate::closed();
        let body = Body::chunks().chunk("begun").wait(&gate).chunk("ended");
        proxy
            .origin()
            .answer("/local-response/response-body", Answer::stream(body));
        let open = proxy
            .get(MAIN, "/local-response/response-body")
            .start()
            .open();
        let (open, _) = open.expect("an answer").wait_for_bytes(5);
        gate.open();
        let response = open.finish();
        (response.status, response.complete)
    });
    assert_eq!((status, complete), (200, false));
}

#[test]
fn of_two_answers_the_first_counts() {
    let response = STREAMS.compare(|proxy| proxy.get(MAIN, "/local-response/twice").send());
    assert_eq!(
        (response.status, response.text().as_str()),
        (401, "first\n")
    );
    assert_eq!(response.header("x-answer"), Some("first"));
}

#[test]
fn a_grpc_request_gets_its_answer_as_a_grpc_status() {
    let response = STREAMS.compare(|proxy| {
        let request = proxy.post(MAIN, "/local-response/grpc").http2();
        request.grpc().send()
    });
    assert_eq!((response.status, response.text().as_str()), (200, ""));
    assert_eq!(response.header("content-type"), Some("application/grpc"));
    assert_eq!(response.header("grpc-status"), Some("8"));
    assert_eq!(response.header("grpc-message"), Some("slow down, 100%25"));
    assert_eq!(response.header("x-detail"), Some("quota"));
}

#[test]
fn an_http_status_for_a_grpc_request_becomes_the_grpc_status_that_fits() {
    let response = STREAMS.compare(|proxy| {
        let request = proxy.post(MAIN, "/local-response/unauthorized").http2();
        request.grpc().send()
    });
    assert_eq!(
        (response.status, response.header("grpc-status")),
        (200, Some("16"))
    );
    assert_eq!(response.header("grpc-message"), Some("who are you?"));
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn the_same_answer_stays_http_for_other_requests() {
    let response = STREAMS.compare(|proxy| {
        proxy
            .post(MAIN, "/local-response/grpc")
            .header("content-type", "text/plain")
            .send()
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "slow down, 100%")
    );
}

#[test]
fn a_connection_lives_on_after_a_local_response() {
    let statuses = STREAMS.compare(|proxy| {
        let connection = proxy.connect(MAIN, Version::Http1);
        let first = connection.send(proxy.get(MAIN, "/local-response/request-headers"));
        let second = connection.send(proxy.get(MAIN, "/plain"));
        (first.status, second.status)
    });
    assert_eq!(statuses, (403, 200));
}

#[test]
fn a_connection_ends_with_an_answer_that_comes_before_the_requests_end() {
    let chunked = || Body::chunks().chunk("body");
    // What becomes of a request, and whether its connection ends: without a body, with one whose
    // length is known, and with one whose end is a chunk of its own.
    let cases = [
        ("/local-response/request-headers", [false, true, true]),
        // The last bytes come before the end, also where they are known to be the last.
        ("/local-response/first-data", [false, true, true]),
        ("/local-response/request-body", [false, false, false]),
        ("/route-b", [false, true, true]),
        ("/plain", [false, false, false]),
        // The rest of the request comes while the filter waits.
        ("/callout/deny", [false, false, false]),
        // Envoy takes it that the client is not understood, unless the upstream says so.
        ("/local-response/bad-request", [true, true, true]),
        ("/bad", [false, false, false]),
    ];
    for (path, expected) in cases {
        let (_, outcomes) = STREAMS.compare(|proxy| {
            proxy
                .origin()
                .answer("/bad", Answer::text("what?").with_status(400));
            let post = || proxy.post(MAIN, path);
            let outcomes = [post(), post().body("body"), post().stream(chunked())].map(|request| {
                let connection = proxy.connect(MAIN, Version::Http1);
                let first = connection.send(request);
                let ends = first.header("connection") == Some("close");
                let second = connection.send(proxy.get(MAIN, "/plain"));
                (first.status, ends, second.status)
            });
            (path, outcomes)
        });
        for ((_, ends, second), expected) in outcomes.into_iter().zip(expected) {
            let next = if expected { 0 } else { 200 };
            assert_eq!((ends, second), (expected, next), "{path}");
        }
    }
}

/// Envoy reads on while a filter holds the answer. Tollgate reads no more of a request that has its
/// answer, and cannot keep the connection.
#[test]
fn a_connection_ends_with_an_answer_that_a_filter_holds() {
    let outcomes = STREAMS.each(|proxy| {
        let request = proxy.post(MAIN, "/callout/answer-first").body("body");
        let response = request.send();
        (response.status, response.header("connection").is_some())
    });
    for (kind, outcome) in outcomes {
        assert_eq!(outcome, (403, kind == Kind::Tollgate), "{kind:?}");
    }
}
