//! Clients that send or take too slowly: they are answered or cut off; who only waits is not.

use std::thread;

use tollgate_integration_tests::client::{Connection, TcpClient, Version, exchange};
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::{Proxy, SharedPair};

static TIMEOUTS: SharedPair = SharedPair::new("conformance/timeouts.yaml");

/// Listeners that give half a second, by `request_headers_timeout`, `stream_idle_timeout`
/// and `request_timeout`.
const LISTENERS: [u16; 3] = [10_000, 10_001, 10_002];

/// The listener whose connections may be without a request for half a second.
const QUIET: u16 = 10_003;

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

#[test]
fn a_body_that_stalls_is_answered_408() {
    let outcomes = TIMEOUTS.compare(|proxy| {
        let stalled = b"POST /origin HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf";
        [
            (LISTENERS[1], "stream_idle"),
            (LISTENERS[2], "request_overall"),
        ]
        .map(|(port, details)| {
            let answer = exchange(proxy.port(port), stalled);
            assert!(answer.closed, "{details}");
            (answer.statuses(), proxy.wait_for_output(details))
        })
    });
    let log = [
        "access 408 SI stream_idle_timeout 14",
        "access 408 - request_overall_timeout 15",
    ];
    for ((statuses, lines), line) in outcomes.iter().zip(log) {
        assert_eq!(
            (statuses.as_slice(), lines.as_slice()),
            ([408].as_slice(), [line.to_owned()].as_slice())
        );
    }
}

/// More than sockets and buffers hold.
const BIG: usize = 64 * 1024 * 1024;

/// Waits for the log of a response that nobody has taken, and returns it without its size, which
/// depends on the buffers in between.
fn log_of_untaken(proxy: &Proxy) -> String {
    let lines = proxy.wait_for_output("access 200 SI");
    let (log, size) = lines
        .first()
        .and_then(|line| line.rsplit_once(' '))
        .expect("a line with a size");
    let size: usize = size.parse().expect("a number");
    assert!(size < BIG && lines.len() == 1, "{lines:?}");
    log.to_owned()
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let log = TIMEOUTS.compare(|proxy| {
        let big = Answer::text(vec![b'x'; BIG]);
        proxy.origin().answer("/origin/big", big);
        let mut client = TcpClient::connect(proxy.port(LISTENERS[1]));
        client.send(b"GET /origin/big HTTP/1.1\r\nhost: a\r\n\r\n");
        let log = log_of_untaken(proxy);
        let (taken, _) = client.rest();
        assert!(taken.len() < BIG);
        log
    });
    assert_eq!(log, "access 200 SI stream_idle_timeout");
}

#[test]
fn an_http2_stream_that_nobody_reads_is_reset_alone() {
    let (log, status) = TIMEOUTS.compare(|proxy| {
        let big = Answer::text(vec![b'x'; BIG]);
        proxy.origin().answer("/origin/big", big);
        let connection = Connection::open(proxy.port(LISTENERS[1]), Version::Http2);
        let request = || proxy.get(LISTENERS[1], "/origin/big").http2();
        let unread = connection.start(request()).open().expect("an answer");
        let log = log_of_untaken(proxy);
        let other = proxy.get(LISTENERS[1], "/").http2();
        let status = connection.send(other).status;
        drop(unread);
        (log, status)
    });
    assert_eq!(log, "access 200 SI stream_idle_timeout");
    assert_eq!(status, 200);
}

#[test]
fn a_connection_ends_although_its_client_does_not_take_leave() {
    let closed = TIMEOUTS.compare(|proxy| {
        // The preface, empty settings, and never a word to what the proxy says.
        let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        exchange(proxy.port(QUIET), hello).closed
    });
    assert!(closed);
}
