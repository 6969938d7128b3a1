//! Trailers, over HTTP/2 on both sides.

use tollgate_integration_tests::Proxy;
use tollgate_integration_tests::client::{Body, Request};
use tollgate_integration_tests::origin::Answer;

use crate::support::{MAIN, STREAMS};

fn http2(proxy: &Proxy, path: &str) -> Request {
    proxy.post(MAIN, path).http2().header("x-upstream", "http2")
}

#[test]
fn trailers_pass_both_ways() {
    let (response, received) = STREAMS.compare(|proxy| {
        let answer = Body::chunks()
            .chunk("answer")
            .trailers(&[("x-checksum", "abc")]);
        proxy.origin().answer("/plain", Answer::stream(answer));
        let body = Body::chunks()
            .chunk("question")
            .trailers(&[("x-end", "yes")]);
        let response = http2(proxy, "/plain").stream(body).send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.text(), "question");
    assert_eq!(
        received.trailers.unwrap_or_default().get("x-end"),
        Some("yes")
    );
    assert_eq!(response.text(), "answer");
    assert_eq!(
        response.trailers.unwrap_or_default().get("x-checksum"),
        Some("abc")
    );
}

#[test]
fn a_guest_reads_and_changes_trailers() {
    let (response, received, log) = STREAMS.compare(|proxy| {
        let answer = Body::chunks()
            .chunk("a")
            .trailers(&[("x-replaced", "old"), ("x-kept", "1")]);
        proxy
            .origin()
            .answer("/trailers/change", Answer::stream(answer));
        let body = Body::chunks()
            .chunk("q")
            .trailers(&[("x-removed", "1"), ("x-kept", "2")]);
        let response = http2(proxy, "/trailers/change").stream(body).send();
        (
            response,
            proxy.origin().only_request(),
            proxy.guest_log("main", "logged"),
        )
    });
    assert_eq!(
        log,
        [
            r#"info 2 request trailers: [("x-removed", "1"), ("x-kept", "2")]"#,
            r#"info 2 response trailers: [("x-replaced", "old"), ("x-kept", "1")]"#,
            "info logged",
        ]
    );
    let sent = received.trailers.unwrap_or_default();
    assert_eq!(
        (sent.get("x-added"), sent.get("x-removed")),
        (Some("by the guest"), None)
    );
    assert_eq!(
        response.trailers.unwrap_or_default().all("x-replaced"),
        ["new"]
    );
}

#[test]
fn trailers_end_a_message_whose_body_is_held() {
    let (received, log) = STREAMS.compare(|proxy| {
        let body = Body::chunks()
            .chunk("held ")
            .chunk("body")
            .trailers(&[("x-end", "yes")]);
        let response = http2(proxy, "/trailers/buffer").stream(body).send();
        assert_eq!(response.status, 200);
        (
            proxy.origin().only_request(),
            proxy.guest_log("main", "logged"),
        )
    });
    assert_eq!(log, ["info held 9 bytes", "info logged"]);
    assert_eq!(received.text(), "from the trailers callback");
    assert_eq!(
        received.trailers.unwrap_or_default().get("x-end"),
        Some("yes")
    );
}

#[test]
fn a_guest_gives_trailers_to_a_response_without() {
    let (response, log) = STREAMS.compare(|proxy| {
        proxy
            .origin()
            .answer("/trailers/create", Answer::text("body"));
        let response = http2(proxy, "/trailers/create").send();
        (response, proxy.guest_log("main", "logged"))
    });
    assert_eq!(log, ["info added: Ok(())", "info logged"]);
    assert_eq!(response.text(), "body");
    assert_eq!(
        response.trailers.unwrap_or_default().get("x-created"),
        Some("at the end")
    );
}
