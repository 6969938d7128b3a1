//! The proxy without plugins: routes, rewrites, local replies.

use std::time::Duration;

use tollgate_integration_tests::client::exchange;
use tollgate_integration_tests::origin::Answer;

use crate::support::{HTTP, MAIN};

#[test]
fn a_request_without_a_route_is_answered_404() {
    let response = HTTP.compare(|proxy| proxy.get(MAIN, "/nowhere").send());
    assert_eq!((response.status, response.text().as_str()), (404, ""));
    assert_eq!(response.header("server"), Some("envoy"));
}

#[test]
fn a_redirect_names_host_and_path() {
    let response = HTTP.compare(|proxy| proxy.get(MAIN, "/redirect").send());
    assert_eq!(response.status, 302);
    assert_eq!(
        response.header("location"),
        Some("http://elsewhere.test/new")
    );
    let response = HTTP.compare(|proxy| proxy.get(MAIN, "/redirect-https").send());
    assert_eq!(response.status, 301);
    assert_eq!(
        response.header("location"),
        Some("https://tollgate.test/redirect-https")
    );
}

#[test]
fn a_direct_response_asks_no_upstream() {
    let response = HTTP.compare(|proxy| {
        let response = proxy.get(MAIN, "/direct").send();
        assert!(proxy.origin().received().is_empty());
        response
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "no upstream asked\n")
    );
    assert_eq!(response.header("content-type"), Some("text/plain"));
}

#[test]
fn a_prefix_and_the_host_are_rewritten() {
    let received = HTTP.compare(|proxy| {
        assert_eq!(proxy.get(MAIN, "/rewritten/a/b?q=1").send().status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.path, "/inner/a/b?q=1");
    assert_eq!(received.header("host"), Some("inner.test"));
    assert_eq!(
        received.header("x-envoy-original-path"),
        Some("/rewritten/a/b?q=1")
    );
}

#[test]
fn a_route_matches_by_regular_expression() {
    let outcome = HTTP.compare(|proxy| {
        let matched = proxy.get(MAIN, "/users/42").send().status;
        let header = proxy
            .origin()
            .only_request()
            .header("x-matched")
            .map(str::to_owned);
        (
            matched,
            header,
            proxy.get(MAIN, "/users/42/more").send().status,
        )
    });
    assert_eq!(outcome, (200, Some("regex".to_owned()), 404));
}

#[test]
fn a_route_matches_by_header() {
    let statuses = HTTP.compare(|proxy| {
        [
            proxy
                .get(MAIN, "/by-header")
                .header("x-version", "2.1")
                .send()
                .status,
            proxy
                .get(MAIN, "/by-header")
                .header("x-version", "3.0")
                .send()
                .status,
            proxy.get(MAIN, "/by-header").send().status,
        ]
    });
    assert_eq!(statuses, [200, 404, 404]);
}

#[test]
fn a_route_adds_overwrites_and_removes_headers() {
    let (response, received) = HTTP.compare(|proxy| {
        proxy
            .origin()
            .answer("/changed", Answer::text("x").header("x-internal", "1"));
        let request = proxy.get(MAIN, "/changed").header("x-append", "own");
        let request = request.header("x-overwrite", "own").header("x-secret", "1");
        let response = request.send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.headers.all("x-append"), ["own", "added"]);
    assert_eq!(received.headers.all("x-overwrite"), ["overwritten"]);
    assert_eq!(received.header("x-secret"), None);
    assert_eq!(response.header("x-from-route"), Some("yes"));
    assert_eq!(response.header("x-internal"), None);
}

#[test]
fn a_virtual_host_is_chosen_by_its_domains() {
    let texts = HTTP.compare(|proxy| {
        [
            "second.test",
            "deep.second.test",
            "SECOND.test",
            "second.test:8443",
        ]
        .map(|host| proxy.get(MAIN, "/direct").authority(host).send().text())
    });
    assert_eq!(
        texts[..3],
        ["second host\n", "second host\n", "second host\n"]
    );
}

#[test]
fn an_upstream_that_takes_too_long_is_answered_504() {
    let response = HTTP.compare(|proxy| {
        proxy
            .origin()
            .answer("/slow", Answer::text("late").delay(Duration::from_secs(2)));
        proxy.get(MAIN, "/slow").send()
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (504, "upstream request timeout")
    );
}

#[test]
fn an_upstream_that_refuses_is_answered_503() {
    let response = HTTP.compare(|proxy| {
        let response = proxy.get(MAIN, "/refused").send();
        let text = response.text();
        assert!(
            text.starts_with("upstream connect error or disconnect/reset before headers"),
            "{text}"
        );
        (response.status, response.headers)
    });
    assert_eq!(response.0, 503);
}

#[test]
fn a_cluster_without_endpoints_is_answered_503() {
    let response = HTTP.compare(|proxy| proxy.get(MAIN, "/empty-cluster").send());
    assert_eq!(
        (response.status, response.text().as_str()),
        (503, "no healthy upstream")
    );
}

#[test]
fn an_upstream_that_closes_without_an_answer_is_answered_503() {
    let response = HTTP.compare(|proxy| {
        proxy.origin().answer("/origin", Answer::reset());
        let response = proxy.get(MAIN, "/origin").send();
        (response.status, response.complete)
    });
    assert_eq!(response, (503, true));
}

#[test]
fn an_upstream_that_speaks_no_http_is_answered_502() {
    let status = HTTP.compare(|proxy| {
        proxy.origin().answer_raw("this is no HTTP\r\n\r\n");
        proxy.get(MAIN, "/raw").send().status
    });
    assert_eq!(status, 502);
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole() {
    let response = HTTP.compare(|proxy| {
        proxy
            .origin()
            .answer_raw("HTTP/1.0 200 OK\r\nx-old: yes\r\n\r\nold style");
        proxy.get(MAIN, "/raw").send()
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "old style")
    );
    assert!(response.complete);
}

#[test]
fn informational_responses_are_no_answers() {
    let response = HTTP.compare(|proxy| {
        proxy.origin().answer_raw(
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
             HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone",
        );
        proxy.get(MAIN, "/raw").send()
    });
    assert_eq!((response.status, response.text().as_str()), (200, "done"));
}

#[test]
fn head_gets_headers_only() {
    let response = HTTP.compare(|proxy| {
        proxy
            .origin()
            .answer("/origin", Answer::text("twelve bytes"));
        proxy.request(MAIN, "HEAD", "/origin").send()
    });
    assert_eq!((response.status, response.text().as_str()), (200, ""));
    assert_eq!(response.header("content-length"), Some("12"));
}

#[test]
fn a_name_is_resolved_and_a_weight_of_zero_gets_nothing() {
    let statuses = HTTP.compare(|proxy| {
        let resolved = proxy.get(MAIN, "/dns").send().status;
        let weighted = (0..10).all(|_| proxy.get(MAIN, "/weighted").send().status == 200);
        (resolved, weighted)
    });
    assert_eq!(statuses, (200, true));
}

#[test]
fn a_client_that_expects_100_is_told_to_continue() {
    let statuses = HTTP.compare(|proxy| {
        let request = b"POST /origin HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\
                        content-length: 4\r\nconnection: close\r\n\r\nbody";
        exchange(proxy.port(MAIN), request).statuses()
    });
    assert_eq!(statuses, [100, 200]);
}

#[test]
fn http_1_0_clients_are_told_to_upgrade() {
    let statuses = HTTP.compare(|proxy| {
        exchange(proxy.port(MAIN), b"GET /direct HTTP/1.0\r\nhost: a\r\n\r\n").statuses()
    });
    assert_eq!(statuses, [426]);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let answer = HTTP.compare(|proxy| {
        // Envoy closes a connection on which more than two answers wait.
        let requests = b"GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n\
                         GET /direct HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let answer = exchange(proxy.port(MAIN), requests);
        (answer.statuses(), answer.closed)
    });
    assert_eq!(answer, (vec![404, 200], true));
}

#[test]
fn a_websocket_becomes_a_tunnel() {
    let (status, tunnelled) = HTTP.compare(|proxy| {
        let switch = Answer::status(101).header("connection", "upgrade");
        proxy
            .origin()
            .answer("/upgrade", switch.header("upgrade", "websocket"));
        let answer = tollgate_integration_tests::client::tunnel(
            proxy.port(MAIN),
            b"GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
              through the tunnel",
            b"through the tunnel",
        );
        (
            answer.statuses(),
            answer.text().ends_with("\r\n\r\nthrough the tunnel"),
        )
    });
    assert_eq!((status, tunnelled), (vec![101], true));
}
