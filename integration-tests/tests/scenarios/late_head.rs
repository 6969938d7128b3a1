//! Requests whose head does not end: they are answered, whoever else waits for a request is not.

use std::thread;

use tollgate_integration_tests::client::{Connection, Version, exchange};
use tollgate_integration_tests::{Proxy, SharedPair};

static TIMEOUTS: SharedPair = SharedPair::new("conformance/timeouts.yaml");

/// Listeners that give a head half a second, by `request_headers_timeout`, `stream_idle_timeout`
/// and `request_timeout`.
const LISTENERS: [u16; 3] = [10_000, 10_001, 10_002];

/// Sends half a head and returns the answer without its date.
fn answer_to_half(proxy: &Proxy, listener: u16) -> (Vec<String>, bool) {
    let half = b"GET / HTTP/1.1\r\nhost: a\r\nx-half: ";
    let answer = exchange(proxy.port(listener), half);
    let text = answer.text();
    let mut lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
    lines.retain(|line| !line.starts_with("date: "));
    lines.sort_unstable();
    (lines, answer.closed)
}

/// What each listener has counted of its timeout and of the two others.
fn counts(proxy: &Proxy) -> [[u64; 3]; 3] {
    let stats = proxy.admin("/stats");
    let count = |listener: &str, name: &str| {
        let wanted = format!("http.{listener}.downstream_rq_{name}: ");
        let found = stats.lines().find_map(|line| line.strip_prefix(&wanted));
        found.expect(&wanted).parse().expect("a number")
    };
    ["head", "idle", "whole"].map(|listener| {
        ["header_timeout", "idle_timeout", "timeout"].map(|name| count(listener, name))
    })
}

#[test]
fn a_head_that_does_not_end_is_answered_408() {
    let (answers, log, counted) = TIMEOUTS.compare(|proxy| {
        let before = counts(proxy);
        let answers = thread::scope(|scope| {
            LISTENERS
                .map(|listener| scope.spawn(move || answer_to_half(proxy, listener)))
                .map(|answer| answer.join().expect("answers do not panic"))
        });
        let lines = |details| proxy.wait_for_output(details);
        let log = [
            lines("request_header_timeout"),
            lines("stream_idle_timeout"),
            lines("request_overall_timeout"),
        ];
        let mut counted = counts(proxy);
        let all = counted.iter_mut().flatten().zip(before.iter().flatten());
        all.for_each(|(after, before)| *after -= before);
        (answers, log.concat(), counted)
    });
    for ((lines, closed), body) in answers.iter().zip([
        "request header timeout",
        "stream timeout",
        "request timeout",
    ]) {
        assert!(closed, "{body}");
        for line in ["HTTP/1.1 408 Request Timeout", "connection: close", body] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
        }
    }
    assert_eq!(
        log,
        [
            "access 408 - request_header_timeout 22",
            "access 408 SI stream_idle_timeout 14",
            "access 408 - request_overall_timeout 15",
        ]
    );
    assert_eq!(counted, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
}

#[test]
fn a_connection_without_a_request_waits_on() {
    let statuses = TIMEOUTS.compare(|proxy| {
        let connections = LISTENERS.map(|listener| {
            let connection = Connection::open(proxy.port(listener), Version::Http1);
            assert_eq!(connection.send(proxy.get(listener, "/")).status, 200);
            connection
        });
        // Longer than the time that a head has.
        answer_to_half(proxy, LISTENERS[0]);
        let requests = connections.iter().zip(LISTENERS);
        let statuses =
            requests.map(|(connection, listener)| connection.send(proxy.get(listener, "/")).status);
        statuses.collect::<Vec<_>>()
    });
    assert_eq!(statuses, [200, 200, 200]);
}
