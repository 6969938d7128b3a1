//! HTTP/2 and gRPC, on one side or both.

use tollgate_integration_tests::client::{Body, Gate, Version};
use tollgate_integration_tests::origin::{Answer, MAX_STREAMS};

use crate::support::{HTTP, MAIN, STREAMS};

#[test]
fn an_http2_request_goes_to_an_http1_upstream() {
    let (response, received) = HTTP.compare(|proxy| {
        proxy.origin().answer("/origin", Answer::echo());
        let response = proxy.post(MAIN, "/origin").http2().body("over two").send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.version, "HTTP/1.1");
    assert_eq!(received.header("host"), Some("tollgate.test"));
    assert_eq!(response.text(), "over two");
}

#[test]
fn an_http1_request_goes_to_an_http2_upstream() {
    let (response, received) = HTTP.compare(|proxy| {
        proxy.origin().answer("/http2", Answer::echo());
        let response = proxy.post(MAIN, "/http2").body("over one").send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.version, "HTTP/2.0");
    assert_eq!(received.header("host"), Some("tollgate.test"));
    assert_eq!(response.text(), "over one");
}

#[test]
fn many_streams_share_a_connection() {
    let texts: Vec<_> = HTTP.compare(|proxy| {
        proxy.origin().answer("/http2", Answer::echo());
        let connection = proxy.connect(MAIN, Version::Http2);
        let pending: Vec<_> = (0..20)
            .map(|n| connection.start(proxy.post(MAIN, "/http2").http2().body(n.to_string())))
            .collect();
        pending
            .into_iter()
            .map(|pending| pending.finish().text())
            .collect()
    });
    let expected: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected);
}

#[test]
fn streams_beyond_what_an_upstream_connection_takes_get_another() {
    let arrived = HTTP.compare(|proxy| {
        let gate = Gate::closed();
        let body = Body::chunks().wait(&gate).chunk("end");
        proxy.origin().answer("/http2/held", Answer::stream(body));
        let held = |count: u32| -> Vec<_> {
            let connection = proxy.connect(MAIN, Version::Http2);
            let request = || proxy.get(MAIN, "/http2/held").http2();
            (0..count).map(|_| connection.start(request())).collect()
        };
        // One at first, so that the proxy knows what the upstream allows.
        let mut pending = held(1);
        let _first = proxy.origin().wait_for_requests(1);
        for _ in 0..3 {
            pending.extend(held(MAX_STREAMS / 2));
        }
        let arrived = proxy.origin().wait_for_requests(pending.len()).len();
        gate.open();
        for pending in pending {
            assert_eq!(pending.finish().text(), "end");
        }
        arrived
    });
    assert_eq!(arrived, 1 + usize::try_from(MAX_STREAMS / 2 * 3).unwrap());
}

#[test]
fn a_slow_stream_does_not_hold_up_the_others() {
    let texts = HTTP.compare(|proxy| {
        let gate = Gate::closed();
        let body = Body::chunks().chunk("slow ").wait(&gate).chunk("end");
        proxy.origin().answer("/http2/slow", Answer::stream(body));
        let connection = proxy.connect(MAIN, Version::Http2);
        let slow = connection.start(proxy.get(MAIN, "/http2/slow").http2());
        let quick = connection.send(proxy.get(MAIN, "/direct").http2()).text();
        gate.open();
        (slow.finish().text(), quick)
    });
    assert_eq!(
        texts,
        ("slow end".to_owned(), "no upstream asked\n".to_owned())
    );
}

#[test]
fn a_unary_grpc_call_passes_with_its_trailers() {
    let (response, received) = STREAMS.compare(|proxy| {
        let message = Body::chunks().chunk(&b"\0\0\0\0\x02hi"[..]);
        let answer = Answer::stream(message.trailers(&[("grpc-status", "0")]));
        proxy.origin().answer(
            "/pkg.Service/Method",
            answer.header("content-type", "application/grpc"),
        );
        let request = proxy
            .post(MAIN, "/pkg.Service/Method")
            .http2()
            .header("x-upstream", "http2");
        let request = request.grpc();
        let response = request.body(&b"\0\0\0\0\x03abc"[..]).send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.header("te"), Some("trailers"));
    assert_eq!(&received.body[..], b"\0\0\0\0\x03abc");
    assert_eq!(response.header("content-type"), Some("application/grpc"));
    assert_eq!(&response.body[..], b"\0\0\0\0\x02hi");
    assert_eq!(
        response.trailers.unwrap_or_default().get("grpc-status"),
        Some("0")
    );
}

#[test]
fn both_directions_of_a_grpc_stream_flow_at_once() {
    let (answered, received) = STREAMS.compare(|proxy| {
        let gate = Gate::closed();
        let answer = Body::chunks()
            .chunk("first answer")
            .trailers(&[("grpc-status", "0")]);
        let answer = Answer::stream(answer).header("content-type", "application/grpc");
        proxy.origin().answer("/pkg.Service/Stream", answer.early());
        let request = proxy
            .post(MAIN, "/pkg.Service/Stream")
            .http2()
            .header("x-upstream", "http2");
        let request = request.grpc();
        let body = Body::chunks().chunk("first ").wait(&gate).chunk("second");
        let open = request.stream(body).start().open().expect("an answer");
        let (open, answered) = open.wait_for_bytes(12);
        gate.open();
        let response = open.finish();
        let trailers = response.trailers.unwrap_or_default();
        assert_eq!(trailers.get("grpc-status"), Some("0"));
        let received = proxy.origin().wait_for_requests(1)[0].text();
        (answered, received.starts_with("first "))
    });
    assert_eq!((&answered[..], received), (&b"first answer"[..], true));
}

#[test]
fn a_grpc_call_without_an_upstream_gets_a_grpc_status() {
    let response = HTTP.compare(|proxy| {
        let request = proxy.post(MAIN, "/empty-cluster").http2();
        request.grpc().send()
    });
    assert_eq!(response.status, 200);
    assert_eq!(response.header("grpc-status"), Some("14"));
    assert_eq!(response.header("grpc-message"), Some("no healthy upstream"));
}

#[test]
fn a_grpc_call_without_a_route_gets_a_grpc_status() {
    let response = HTTP.compare(|proxy| {
        let request = proxy.post(MAIN, "/nowhere").http2();
        request.grpc().send()
    });
    assert_eq!(
        (response.status, response.header("grpc-status")),
        (200, Some("12"))
    );
}

#[test]
fn a_large_body_passes_over_http2() {
    let sizes = HTTP.compare(|proxy| {
        proxy.origin().answer("/http2", Answer::echo());
        let response = proxy
            .post(MAIN, "/http2")
            .http2()
            .body(vec![7; 3 << 20])
            .send();
        (
            response.body.len(),
            proxy.origin().only_request().body.len(),
            response.complete,
        )
    });
    assert_eq!(sizes, (3 << 20, 3 << 20, true));
}
