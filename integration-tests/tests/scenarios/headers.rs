//! Header maps: reads, changes, and what the other side sees.

use tollgate_integration_tests::origin::Answer;

use crate::support::{MAIN, STREAMS, essence};

#[test]
fn headers_that_no_guest_touches_pass_both_ways() {
    let (response, received) = STREAMS.compare(|proxy| {
        proxy
            .origin()
            .answer("/plain", Answer::text("fine").header("x-answer", "one"));
        let response = proxy
            .get(MAIN, "/plain?q=1")
            .header("X-Mixed-Case", "Kept Value")
            .send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-answer"), Some("one"));
    assert_eq!(response.header("server"), Some("envoy"));
    assert_eq!(
        response.header("x-envoy-upstream-service-time"),
        Some("(varies)")
    );
    assert_eq!(response.text(), "fine");
    assert_eq!(received.path, "/plain?q=1");
    assert_eq!(received.header("x-mixed-case"), Some("Kept Value"));
    assert_eq!(received.header("host"), Some("tollgate.test"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-request-id"), Some("(varies)"));
}

#[test]
fn a_guest_adds_replaces_and_removes_request_headers() {
    let received = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/request")
            .header("x-replaced", "old");
        let response = request
            .header("x-replaced", "older")
            .header("x-removed", "secret")
            .send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.header("x-added"), Some("by the guest"));
    assert_eq!(received.headers.all("x-replaced"), ["new"]);
    assert_eq!(received.header("x-created"), Some("by replace"));
    assert_eq!(received.header("x-removed"), None);
}

#[test]
fn a_guest_changes_response_headers_and_the_status() {
    let (response, log) = STREAMS.compare(|proxy| {
        let answer = Answer::text("x")
            .header("x-replaced", "old")
            .header("x-removed", "secret");
        proxy.origin().answer("/headers/response", answer);
        let response = proxy.get(MAIN, "/headers/response").send();
        (response, proxy.guest_log("main", "response headers"))
    });
    assert_eq!(response.status, 202);
    assert_eq!(response.header("x-added"), Some("by the guest"));
    assert_eq!(response.headers.all("x-replaced"), ["new"]);
    assert_eq!(response.header("x-removed"), None);
    // The proxy adds `server` later: status, type, length, date, service time and two of the origin.
    assert_eq!(log, ["info 7 response headers, end of stream false"]);
}

#[test]
fn a_guest_sees_all_request_headers_with_pseudo_headers_first() {
    let (pseudo, others) = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/list?x=1")
            .header("x-b", "2")
            .header("x-a", "1");
        let response = request.header("x-b", "3").send();
        assert_eq!(response.status, 200);
        let mut log = proxy.guest_log("main", "listed");
        let mut others = log.split_off(5);
        // Between different names the order means nothing; of one name it does.
        others.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
        (log, others)
    });
    assert_eq!(
        pseudo,
        [
            "info counts agree true, end of stream true",
            "info :authority = tollgate.test",
            "info :path = /headers/list?x=1",
            "info :method = GET",
            "info :scheme = http",
        ]
    );
    assert_eq!(
        others,
        [
            "info listed",
            "info x-a = 1",
            "info x-b = 2",
            "info x-b = 3",
            "info x-forwarded-proto = http",
            "info x-request-id = random",
        ]
    );
}

#[test]
fn a_header_is_found_whatever_the_case_and_host_means_authority() {
    let log = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/look-up")
            .header("x-mixed", "found");
        let response = request.header("x-empty", "").send();
        assert_eq!(response.status, 200);
        proxy.guest_log("main", "looked up")
    });
    assert_eq!(
        log,
        [
            "info :path: Some(\"/headers/look-up\")",
            "info :method: Some(\"GET\")",
            "info :authority: Some(\"tollgate.test\")",
            "info :scheme: Some(\"http\")",
            "info host: Some(\"tollgate.test\")",
            "info X-Mixed: Some(\"found\")",
            "info x-empty: Some(\"\")",
            "info x-none: None",
            "info looked up",
        ]
    );
}

#[test]
fn of_a_header_given_twice_the_first_is_read_and_all_are_replaced() {
    let (received, log) = STREAMS.compare(|proxy| {
        let request = proxy.get(MAIN, "/headers/duplicates");
        let request = request.header("x-twice", "a").header("x-twice", "b");
        let request = request.header("x-thrice", "1").header("x-thrice", "2");
        let response = request
            .header("x-gone-twice", "a")
            .header("x-gone-twice", "b")
            .send();
        assert_eq!(response.status, 200);
        (
            proxy.origin().only_request(),
            proxy.guest_log("main", "all:"),
        )
    });
    assert_eq!(log[0], "info first: Some(\"a\")");
    assert_eq!(log[1], r#"info all: [("x-twice", "a"), ("x-twice", "b")]"#);
    assert_eq!(received.headers.all("x-twice"), ["only"]);
    assert_eq!(received.headers.all("x-thrice"), ["1", "2", "3"]);
    assert!(received.headers.all("x-gone-twice").is_empty());
}

#[test]
fn a_guest_replaces_the_whole_request_map() {
    let received = STREAMS.compare(|proxy| {
        let response = proxy
            .get(MAIN, "/headers/set-request")
            .header("x-gone", "yes")
            .send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(
        (received.method.as_str(), received.path.as_str()),
        ("GET", "/replaced")
    );
    assert_eq!(received.header("host"), Some("replaced.test"));
    assert_eq!(received.headers.all("x-two"), ["2", "again"]);
    assert_eq!(received.header("x-gone"), None);
}

#[test]
fn a_request_that_lost_its_x_forwarded_proto_matches_no_route() {
    let response = STREAMS.compare(|proxy| proxy.get(MAIN, "/headers/set-request-alone").send());
    assert_eq!((response.status, response.text().as_str()), (404, ""));
}

#[test]
fn a_guest_replaces_the_whole_response_map() {
    let response = STREAMS.compare(|proxy| {
        proxy.origin().answer(
            "/headers/set-response",
            Answer::status(200).header("x-gone", "1"),
        );
        proxy.get(MAIN, "/headers/set-response").send()
    });
    assert_eq!(response.status, 201);
    assert_eq!(response.header("x-only"), Some("this"));
    assert_eq!(response.header("x-gone"), None);
}

#[test]
fn header_values_are_bytes_and_need_not_be_text() {
    let (response, received, log) = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/bytes")
            .header_bytes("x-bytes", b"\xe4\xff");
        let response = request.send();
        (
            response,
            proxy.origin().only_request(),
            proxy.guest_log("main", "sent:"),
        )
    });
    assert_eq!(log, [r"info sent: \xe4\xff"]);
    assert_eq!(received.header("x-bytes"), Some(r"\xe4\xff"));
    assert_eq!(received.header("x-more-bytes"), Some(r"\xc3\xa9\xff\x80"));
    assert_eq!(response.header("x-answered-bytes"), Some(r"a\xe9z"));
}

#[test]
fn adding_to_a_header_that_holds_one_value_joins_by_a_comma() {
    let received = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/joined")
            .header("content-type", "a/a");
        let response = request.header("accept", "a/a").header("x-own", "a").send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.headers.all("content-type"), ["a/a,text/plain"]);
    assert_eq!(received.headers.all("x-own"), ["a", "b"]);
}

#[test]
fn method_authority_and_path_are_the_guests_to_change() {
    let received = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/headers/target").send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(
        (received.method.as_str(), received.path.as_str()),
        ("PUT", "/elsewhere?q=1")
    );
    assert_eq!(received.header("host"), Some("elsewhere.test"));
}

#[test]
fn both_header_maps_are_readable_when_the_stream_is_logged() {
    let log = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/headers/log").send();
        assert_eq!(response.status, 200);
        proxy.guest_log("main", "logged")
    });
    assert_eq!(
        log,
        [
            "info x-changed: Some(\"by the guest\")",
            "info :status: Some(\"200\")",
            "info x-none: None",
            "info logged",
        ]
    );
}

#[test]
fn hop_by_hop_headers_stay_on_their_hop() {
    let received = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/plain")
            .header("connection", "x-hop, keep-alive");
        let request = request
            .header("keep-alive", "timeout=5")
            .header("x-hop", "1");
        let response = request
            .header("te", "trailers")
            .header("x-end-to-end", "1")
            .send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(
        received.header("x-end-to-end"),
        Some("1"),
        "{}",
        essence(&received)
    );
}

#[test]
fn log_lines_carry_the_plugins_name_root_and_vm() {
    let prefixes = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/headers/log").send();
        assert_eq!(response.status, 200);
        proxy.guest_log_prefixes("main", "logged")
    });
    assert_eq!(prefixes, ["main main main-vm"]);
}
