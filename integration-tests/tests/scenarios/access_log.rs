//! Access logs: what a line says about a request, and why it ended as it did.

use std::time::Duration;

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::origin::Answer;

use crate::support::{HTTP, MAIN};

/// The line that a request leaves, which a tag of its own tells from the others.
#[track_caller]
fn logged(tag: &str, path: &str, change: impl Fn(Request) -> Request) -> String {
    let lines = HTTP.compare(|proxy| {
        let answer = Answer::text("eleven text").header("x-tag", "answered");
        proxy.origin().answer("/origin", answer);
        proxy
            .origin()
            .answer("/slow", Answer::text("late").delay(Duration::from_secs(2)));
        proxy.origin().answer_raw("this is no HTTP\r\n\r\n");
        let request = change(proxy.get(MAIN, path).header("x-tag", tag));
        assert_ne!(request.send().status, 0);
        proxy.wait_for_output(tag)
    });
    lines.concat()
}

#[test]
fn an_answered_request_is_logged_with_sizes_and_headers() {
    let line = logged("tag-ok", "/origin", |request| request.body("six by"));
    assert_eq!(
        line,
        "access GET /origin HTTP/1.1 200 - via_upstream 6 11 origin tag-ok ans text/plain"
    );
}

#[test]
fn a_line_names_the_protocol_and_the_path_before_its_rewrite() {
    let line = logged("tag-rewritten", "/rewritten/a?b", Request::http2);
    assert!(
        line.starts_with("access GET /rewritten/a?b HTTP/2 200 - via_upstream 0 22 origin"),
        "{line}"
    );
}

#[test]
fn local_replies_are_logged_with_flags_and_reasons() {
    let same = |request| request;
    let lines = [
        logged("tag-route", "/nowhere", same),
        logged("tag-direct", "/direct", same),
        logged("tag-healthy", "/empty-cluster", same),
        logged("tag-slow", "/slow", same),
    ];
    assert_eq!(
        lines,
        [
            "access GET /nowhere HTTP/1.1 404 NR route_not_found 0 0 - tag-route - -",
            "access GET /direct HTTP/1.1 200 - direct_response 0 18 - tag-direct - text/plain",
            "access GET /empty-cluster HTTP/1.1 503 UH no_healthy_upstream 0 19 empty tag-healthy - text/plain",
            "access GET /slow HTTP/1.1 504 UT response_timeout 0 24 origin tag-slow - text/plain",
        ]
    );
}

#[test]
fn failures_of_an_upstream_are_logged_with_their_kind() {
    let refused = logged("tag-refused", "/refused", |request| request);
    assert!(
        refused.contains(" 503 UF upstream_reset_before_response_started{"),
        "{refused}"
    );
    let broken = logged("tag-broken", "/raw", |request| request);
    assert!(
        broken.contains(" 502 UPE upstream_reset_before_response_started{protocol_error"),
        "{broken}"
    );
}
