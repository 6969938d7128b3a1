//! Bodies as filters of the Tollgate SDK see them: as they pass, part by part, and before the headers.

use tollgate_integration_tests::Proxy;
use tollgate_integration_tests::client::{Body, Gate};
use tollgate_integration_tests::origin::Answer;

use crate::sdk_workshop::{WORKSHOP, text};

const CHUNKING: u16 = 10_004;
const HOLDING: u16 = 10_008;
const READING: u16 = 10_009;

#[test]
fn bodies_are_changed_as_they_pass() {
    let (response, received) = WORKSHOP.compare(|proxy| {
        proxy.origin().answer("/body", text("answer"));
        let response = proxy.post(CHUNKING, "/body").body("question").send();
        (response.text(), proxy.origin().only_request().text())
    });
    assert_eq!(received, "QUESTION!");
    assert!(response.starts_with("<answer>"), "{response}");
}

#[test]
fn a_part_of_a_body_can_end_the_request() {
    let (status, text) = WORKSHOP.compare(|proxy| {
        let response = proxy.post(CHUNKING, "/body").body("some evil").send();
        (response.status, response.text())
    });
    assert_eq!((status, text.as_str()), (400, "<no evil\n>"));
}

/// Sends a body in parts, each when the filter has said the line that stands before it.
fn send_after(proxy: &Proxy, first: &'static str, rest: [(&str, &'static str); 2]) -> String {
    let gates = [Gate::closed(), Gate::closed()];
    let [(_, second), (_, third)] = rest;
    let body = Body::chunks().chunk(first).wait(&gates[0]).chunk(second);
    let body = body.wait(&gates[1]).chunk(third);
    let pending = proxy.post(READING, "/read").stream(body).start();
    for ((line, _), gate) in rest.iter().zip(&gates) {
        let _said = proxy.guest_log("reading", line);
        gate.open();
    }
    pending.finish().text()
}

#[test]
fn a_handler_reads_a_body_part_by_part() {
    let (sent, received, said) = WORKSHOP.compare(|proxy| {
        proxy.origin().answer("/read", text("answer"));
        proxy.origin().answer("/side", text("now"));
        let sent = send_after(proxy, "one ", [("got 4", "ask "), ("asked", "two ")]);
        let mut received = proxy.origin().received().into_iter();
        let received = received.rfind(|request| request.path == "/read");
        let received = received.expect("the request goes on").text();
        (sent, received, proxy.guest_log("reading", "asked"))
    });
    assert_eq!(
        (sent.as_str(), received.as_str()),
        ("<answer", "ONE ask TWO ")
    );
    let late = "Err(Error { call: \"proxy_set_buffer_bytes\", status: 2 })";
    let expected = [
        "info got 4",
        "info got 8",
        &format!("info asked 200 {late}"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_a_handler_does_not_read_passes() {
    let (sent, received) = WORKSHOP.compare(|proxy| {
        proxy.origin().answer("/read", text("answer"));
        let sent = send_after(proxy, "one ", [("got 4", "enough "), ("read 11", "two ")]);
        (sent, proxy.origin().only_request().text())
    });
    assert_eq!(
        (sent.as_str(), received.as_str()),
        ("<answer", "ONE enough two ")
    );
}

#[test]
fn trailers_end_a_body_that_is_read() {
    let trailers = WORKSHOP.compare(|proxy| {
        let answer = Body::chunks().chunk("a").trailers(&[("x-end", "1")]);
        proxy.origin().answer("/http2", Answer::stream(answer));
        let request = proxy.post(READING, "/http2").http2().body("four");
        let trailers = request.send().trailers.unwrap_or_default();
        ["x-end", "x-read"].map(|name| trailers.all(name).join(" "))
    });
    assert_eq!(trailers, ["1", "4"]);
}

#[test]
fn headers_wait_for_the_body() {
    let (checked, sent) = WORKSHOP.compare(|proxy| {
        proxy.origin().answer("/side", text("now"));
        let mut sent = Vec::new();
        let mut checked = Vec::new();
        for slow in [false, true] {
            let body = Body::chunks().chunk("some ").chunk("body");
            let request = proxy.post(HOLDING, "/held").stream(body);
            let request = if slow {
                request.header("x-slow", "1")
            } else {
                request
            };
            let response = request.send();
            checked.push(response.header("x-checked").map(str::to_owned));
            let received = proxy.origin().received();
            let request = received
                .into_iter()
                .rfind(|request| request.path == "/held");
            let request = request.expect("the request goes on");
            let headers =
                ["x-slow", "x-body-size"].map(|name| request.header(name).map(str::to_owned));
            sent.push((headers, request.text()));
        }
        (checked, sent)
    });
    let yes = Some("yes".to_owned());
    assert_eq!(checked, [yes.clone(), yes]);
    let (size, text) = (Some("9".to_owned()), "some body".to_owned());
    let fast = ([None, size.clone()], text.clone());
    let slow = ([Some("now".to_owned()), size], text);
    assert_eq!(sent, [fast, slow]);
}

#[test]
fn a_response_is_withheld_for_its_body() {
    let (status, text) = WORKSHOP.compare(|proxy| {
        let body = Body::chunks().chunk("secret ").chunk("word");
        proxy.origin().answer("/held", Answer::stream(body));
        let response = proxy.get(HOLDING, "/held").send();
        (response.status, response.text())
    });
    assert_eq!((status, text.as_str()), (502, "withheld\n"));
}
