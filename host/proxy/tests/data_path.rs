//! Requests through a whole proxy over loopback: what passes, and what the proxy answers itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step fails the test"
)]
#![expect(clippy::indexing_slicing, reason = "ranges come from reads")]

mod support;

use std::io::Write;

use support::{Proxy, echo, read_to_end, upstream};

const ALL: &str = "{match: {prefix: /}, route: {cluster: up}}";

#[test]
fn a_request_reaches_the_upstream_with_the_headers_envoy_adds() {
    let proxy = Proxy::start(ALL, "", upstream(echo));
    let answer = proxy.get("/path?query");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("server: envoy\r\n"), "{answer}");
    assert!(
        answer.contains("x-envoy-upstream-service-time: "),
        "{answer}"
    );
    assert!(
        answer.contains("GET /path?query HTTP/1.1\r\nhost: a\r\n"),
        "{answer}"
    );
    assert!(answer.contains("x-forwarded-proto: http\r\n"), "{answer}");
    assert!(answer.contains("x-request-id: "), "{answer}");
    assert!(
        answer.contains("x-envoy-expected-rq-timeout-ms: 15000\r\n"),
        "{answer}"
    );
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let proxy = Proxy::start(ALL, "", upstream(echo));
    let mut client = proxy.connect();
    let request = "GET /first HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    client.write_all(last.as_bytes()).unwrap();
    let answers = read_to_end(&mut client);
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert!(
        answers.find("/first") < answers.find("/second"),
        "{answers}"
    );
}

#[test]
fn bodies_pass_with_a_length_and_in_chunks() {
    let proxy = Proxy::start(ALL, "", upstream(echo));
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    let sized = proxy.exchange(&format!("{head}content-length: 5\r\n\r\nhello"));
    assert!(sized.ends_with("\r\n\r\nhello"), "{sized}");
    let chunks = "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    let chunked = proxy.exchange(&format!("{head}{chunks}"));
    assert!(
        chunked.contains("transfer-encoding: chunked\r\n"),
        "{chunked}"
    );
    assert!(
        chunked.contains("hel") && chunked.contains("lo"),
        "{chunked}"
    );
}

#[test]
fn local_replies_have_envoys_status_and_body() {
    let routes = "{match: {prefix: /refused}, route: {cluster: refused}}, \
                  {match: {prefix: /empty}, route: {cluster: empty}}, \
                  {match: {prefix: /direct}, direct_response: {status: 418, body: {inline_string: tea}}}";
    let proxy = Proxy::start(routes, "", upstream(echo));
    let ends = |path: &str, status: &str, body: &str| {
        let answer = proxy.get(path);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    };
    ends("/nowhere", "404 Not Found", "");
    ends("/direct", "418 I'm a teapot", "tea");
    ends("/empty", "503 Service Unavailable", "no healthy upstream");
    let refused = "upstream connect error or disconnect/reset before headers. \
                   reset reason: remote connection failure";
    ends("/refused", "503 Service Unavailable", refused);
}

#[test]
fn an_upstream_that_is_late_is_given_up() {
    let routes = "{match: {prefix: /}, route: {cluster: up, timeout: 0.1s}}";
    let late = upstream(|_| {
        std::thread::park_timeout(std::time::Duration::from_secs(3));
        String::new()
    });
    let answer = Proxy::start(routes, "", late).get("/");
    assert!(
        answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("upstream request timeout"), "{answer}");
}

#[test]
fn a_silent_client_ends_with_a_stream_timeout() {
    let proxy = Proxy::start(ALL, "stream_idle_timeout: 0.1s", upstream(echo));
    let answer = proxy.exchange("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nab");
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("stream timeout"), "{answer}");
}

#[test]
fn an_upstream_that_breaks_off_breaks_the_clients_response_off() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nabc";
    let proxy = Proxy::start(ALL, "", upstream(|_| short.to_owned()));
    let answer = proxy.get("/");
    assert!(answer.contains("content-length: 100"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
}

#[test]
fn requests_that_could_be_smuggled_are_refused() {
    let proxy = Proxy::start(ALL, "", upstream(echo));
    let shapes = [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        "content-length: 2\r\ncontent-length: 2\r\n\r\nab",
        "content-length: 2\r\ncontent-length: 3\r\n\r\nab",
        "content-length: +2\r\n\r\nab",
        "transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "x : y\r\n\r\n",
        "x: y\0z\r\n\r\n",
        "no colon\r\n\r\n",
    ];
    for shape in shapes {
        let answer = proxy.exchange(&format!("POST / HTTP/1.1\r\nhost: a\r\n{shape}"));
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{shape:?}: {answer}"
        );
        assert!(
            answer.ends_with("\r\n\r\nBad Request"),
            "{shape:?}: {answer}"
        );
    }
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let proxy = Proxy::start(ALL, "", upstream(echo));
    let long = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "a".repeat(70_000)
    );
    let many: String = (0..120).map(|index| format!("x-{index}: 1\r\n")).collect();
    for request in [long, format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")] {
        let answer = proxy.exchange(&request);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[test]
fn a_websocket_passes_bytes_both_ways_where_upgrades_are_allowed() {
    let accept = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
                  connection: upgrade\r\n\r\nhello";
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    let upgrades = "upgrade_configs: [{upgrade_type: websocket}]";
    let proxy = Proxy::start(
        ALL,
        upgrades,
        upstream(move |_| format!("{accept} connection: close")),
    );
    let answer = proxy.exchange(request);
    assert!(
        answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("\r\n\r\nhello connection: close"),
        "{answer}"
    );
    let answer = Proxy::start(ALL, "", upstream(echo)).exchange(request);
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[test]
fn draining_lets_a_request_finish_and_accepts_no_more() {
    let slow = upstream(|request| {
        std::thread::park_timeout(std::time::Duration::from_millis(300));
        echo(request)
    });
    let mut proxy = Proxy::start(ALL, "", slow);
    let mut client = proxy.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    std::thread::park_timeout(std::time::Duration::from_millis(100));
    proxy.server.take().unwrap().drain_and_wait();
    let answer = read_to_end(&mut client);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}
