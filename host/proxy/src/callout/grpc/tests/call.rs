//! Unary calls.

use std::time::Duration;

use super::server::{Script, ok, serve};
use super::{NO_TIMEOUT, call, call_words, callout, http2, stream, stream_words, words};
use crate::callout::GrpcCallout;
use crate::callout::tests::{closed_port, on_worker};

#[test]
fn a_request_looks_as_envoys() {
    on_worker(async {
        let (address, seen) = serve(ok(&["pong"])).await;
        let timeout = Duration::from_millis(5000);
        assert_eq!(
            words(&call(&callout(), timeout, address).await),
            ["message pong"]
        );
        let request = seen.take().remove(0);
        assert_eq!(request.path, "/a.Service/Do");
        assert_eq!(request.authority, "origin");
        assert_eq!(request.body, b"\0\0\0\0\x04ping".as_slice());
        let mut headers: Vec<_> = request.headers.iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        let expected = [
            ("content-type", "application/grpc"),
            ("grpc-timeout", "5000m"),
            ("k-bin", "AAE="),
            ("te", "trailers"),
            ("x-envoy-expected-rq-timeout-ms", "5000"),
            ("x-envoy-internal", "true"),
            ("x-k", "v"),
        ];
        // Which hyper adds for a body of known size, as HTTP allows.
        headers.retain(|(name, _)| *name != "content-length");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(headers, expected);
    });
}

#[test]
fn a_timeout_of_zero_is_told_and_not_kept() {
    on_worker(async {
        let (address, seen) = serve(ok(&["pong"])).await;
        call(&callout(), NO_TIMEOUT, address).await;
        let request = seen.take().remove(0);
        assert_eq!(request.headers["grpc-timeout"], "0m");
        assert!(
            !request
                .headers
                .contains_key("x-envoy-expected-rq-timeout-ms")
        );
    });
}

#[test]
fn a_service_can_have_an_authority_and_leave_envoys_headers_out() {
    on_worker(async {
        let (address, seen) = serve(ok(&["pong"])).await;
        let callout = GrpcCallout {
            authority: "a.test".to_owned(),
            skip_envoy_headers: true,
            ..callout()
        };
        stream(&callout, address).await;
        let request = seen.take().remove(0);
        assert_eq!(request.authority, "a.test");
        assert!(!request.headers.contains_key("x-envoy-internal"));
        assert!(!request.headers.contains_key("grpc-timeout"));
    });
}

#[test]
fn a_call_is_told_its_last_message_and_nothing_else() {
    assert_eq!(call_words(ok(&["one", "two"])), ["message two"]);
    assert_eq!(call_words(ok(&[""])), ["message "]);
}

#[test]
fn a_call_that_fails_is_told_the_status_and_nothing_else() {
    let mut failing = ok(&["pong"]);
    failing.trailers = vec![("grpc-status", "7"), ("grpc-message", "no")];
    assert_eq!(call_words(failing), ["close 7 no{via_upstream}"]);
}

#[test]
fn success_without_a_message_is_an_internal_error() {
    assert_eq!(call_words(ok(&[])), ["close 13 "]);
}

#[test]
fn an_http_status_stands_for_a_missing_grpc_status() {
    let script = Script {
        status: 404,
        messages: vec!["not found"],
        ..Script::default()
    };
    assert_eq!(call_words(script.clone()), ["close 12 via_upstream"]);
    assert_eq!(
        stream_words(script),
        ["initial ", "trailing ", "close 12 via_upstream"]
    );
}

#[test]
fn a_response_without_trailers_ends_unknown() {
    let mut script = ok(&["pong"]);
    script.trailers.clear();
    assert_eq!(call_words(script), ["close 2 via_upstream"]);
}

#[test]
fn a_message_beyond_the_limit_exhausts_it() {
    on_worker(async {
        let (address, _) = serve(ok(&["pong"])).await;
        let mut callout = callout();
        callout.max_message_bytes = Some(3);
        let events = call(&callout, NO_TIMEOUT, address).await;
        assert_eq!(words(&events), ["close 8 via_upstream"]);
        callout.max_message_bytes = Some(4);
        let events = call(&callout, NO_TIMEOUT, address).await;
        assert_eq!(words(&events), ["message pong"]);
    });
}

#[test]
fn silence_beyond_the_deadline_is_unavailable() {
    on_worker(async {
        let script = Script {
            is_silent: true,
            ..ok(&[])
        };
        let (address, _) = serve(script).await;
        let events = call(&callout(), Duration::from_millis(50), address).await;
        assert_eq!(
            words(&events),
            ["close 14 upstream request timeout{response_timeout}"]
        );
    });
}

#[test]
fn a_refused_connection_is_unavailable() {
    on_worker(async {
        let address = closed_port().await;
        let message = "upstream connect error or disconnect/reset before headers. reset reason: \
                       remote connection failure";
        let details = "{upstream_reset_before_response_started{remote_connection_failure|\
                       delayed_connect_error:_Connection_refused}}";
        let close = format!("close 14 {message}{details}");
        let call = call(&callout(), NO_TIMEOUT, address).await;
        assert_eq!(words(&call), std::slice::from_ref(&close));
        let trailing = format!(
            "trailing :status=200 content-type=application/grpc grpc-status=14 grpc-message={message}"
        );
        let stream = stream(&callout(), address).await;
        assert_eq!(words(&stream), ["initial ".to_owned(), trailing, close]);
    });
}

#[test]
fn what_cannot_start_says_why_in_envoys_words() {
    on_worker(async {
        let clusters = http2(closed_port().await);
        let refused = |cluster: &str| {
            let mut callout = callout();
            callout.cluster = cluster.to_owned();
            let refused = callout.call(b"", NO_TIMEOUT, &clusters, |_| {});
            refused.err().unwrap().to_string()
        };
        assert_eq!(refused("nowhere"), "Cluster not available");
        assert_eq!(refused("empty"), "no healthy upstream{no_healthy_upstream}");
    });
}

#[test]
fn metadata_that_http_does_not_allow_are_not_sent() {
    on_worker(async {
        let (address, seen) = serve(ok(&["pong"])).await;
        let mut callout = callout();
        callout.metadata.push(("x".into(), "a\nb".into()));
        let events = call(&callout, NO_TIMEOUT, address).await;
        let details = "filter_removed_required_request_headers{invalid_header_value_for:_x}";
        let close = format!("close 14 invalid header value for: x{{{details}}}");
        assert_eq!(words(&events), [close]);
        assert!(seen.borrow().is_empty());
    });
}
