//! Malformed HTTP/1: a clear refusal or a closed connection, no request for the upstream that the
//! client did not mean, and a proxy that serves on.
//!
//! Each case has the statuses of Envoy, and of Tollgate where its parser judges otherwise; the
//! reasons for the differences stand with the cases.

use std::thread;

use tollgate_integration_tests::client::{break_off, exchange};
use tollgate_integration_tests::{Kind, Proxy};

use crate::support::{HTTP, MAIN};

/// Statuses that a proxy may answer with; none means that it closes without an answer.
type Statuses = &'static [u16];

struct Case {
    what: &'static str,
    bytes: Vec<u8>,
    envoy: Statuses,
    tollgate: Statuses,
}

impl Case {
    /// Says that Tollgate answers otherwise.
    fn for_tollgate(mut self, statuses: Statuses) -> Self {
        self.tollgate = statuses;
        self
    }
}

fn same(what: &'static str, bytes: impl Into<Vec<u8>>, statuses: Statuses) -> Case {
    Case {
        what,
        bytes: bytes.into(),
        envoy: statuses,
        tollgate: statuses,
    }
}

/// Sends all cases at once to both proxies, for Envoy takes a second to close, and then looks
/// whether they still serve and what has reached the upstream.
fn check(cases: &[Case]) {
    let outcomes = HTTP.each(|proxy| {
        let mut wrong: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = cases
                .iter()
                .map(|case| scope.spawn(|| check_case(proxy, case)))
                .collect();
            running
                .into_iter()
                .filter_map(|case| case.join().expect("no case panics"))
                .collect()
        });
        if proxy.get(MAIN, "/direct").send().status != 200 {
            wrong.push("the proxy does not serve on".to_owned());
        }
        let received = proxy.origin().received();
        if received
            .iter()
            .any(|request| request.path == "/origin/smuggled")
        {
            wrong.push(format!("smuggled: {received:#?}"));
        }
        wrong
    });
    for (kind, wrong) in outcomes {
        assert!(wrong.is_empty(), "{kind:?}:\n{}", wrong.join("\n"));
    }
}

fn check_case(proxy: &Proxy, case: &Case) -> Option<String> {
    let answer = exchange(proxy.port(MAIN), &case.bytes);
    let (statuses, closed) = (answer.statuses(), answer.closed);
    let expected = match proxy.kind() {
        Kind::Envoy => case.envoy,
        Kind::Tollgate => case.tollgate,
    };
    let as_expected = statuses == expected && closed;
    let what = case.what;
    (!as_expected).then(|| format!("{what}: got {statuses:?}, not {expected:?}; closed {closed}"))
}

const SMUGGLED: &str = "GET /origin/smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/// A request whose framing headers are wrong, with a body that hides another request.
fn framed(what: &'static str, framing: &str, body: &str, statuses: Statuses) -> Case {
    let text = format!("POST /origin HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}{SMUGGLED}");
    same(what, text, statuses)
}

/// A request with one odd header line.
fn with_line(what: &'static str, line: &[u8], statuses: Statuses) -> Case {
    let mut bytes = b"GET /direct HTTP/1.1\r\nhost: a\r\nconnection: close\r\n".to_vec();
    bytes.extend_from_slice(line);
    bytes.extend_from_slice(b"\r\n\r\n");
    same(what, bytes, statuses)
}

/// A chunked request with an odd body.
fn chunked(what: &'static str, body: &str, statuses: Statuses) -> Case {
    let head =
        "POST /origin HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked";
    same(what, format!("{head}\r\n\r\n{body}"), statuses)
}

#[test]
fn a_length_beside_chunked_smuggles_nothing() {
    check(&[
        framed(
            "both lengths",
            "content-length: 4\r\ntransfer-encoding: chunked",
            "0\r\n\r\n",
            &[400],
        ),
        framed(
            "both, swapped",
            "transfer-encoding: chunked\r\ncontent-length: 4",
            "0\r\n\r\n",
            &[400],
        ),
        framed(
            "both, one empty",
            "content-length: \r\ntransfer-encoding: chunked",
            "0\r\n\r\n",
            &[400],
        ),
    ]);
}

#[test]
fn unusual_transfer_encodings_smuggle_nothing() {
    check(&[
        framed(
            "unknown coding",
            "transfer-encoding: xchunked",
            "0\r\n\r\n",
            &[501],
        ),
        framed(
            "chunked is not last",
            "transfer-encoding: chunked, identity",
            "0\r\n\r\n",
            &[501],
        ),
        framed(
            "identity before chunked",
            "transfer-encoding: identity, chunked",
            "0\r\n\r\n",
            &[501],
        ),
        framed(
            "gzip before chunked",
            "transfer-encoding: gzip, chunked",
            "0\r\n\r\n",
            &[501],
        ),
        framed(
            "given twice",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "0\r\n\r\n",
            &[501],
        ),
        framed(
            "space before the colon",
            "transfer-encoding : chunked",
            "0\r\n\r\n",
            &[400],
        ),
        // A coding that nobody knows, or a byte that no coding has: refused either way.
        framed(
            "vertical tab",
            "transfer-encoding: \x0bchunked",
            "0\r\n\r\n",
            &[400],
        )
        .for_tollgate(&[501]),
        framed(
            "quoted",
            "transfer-encoding: \"chunked\"",
            "0\r\n\r\n",
            &[501],
        ),
    ]);
}

#[test]
fn unusual_lengths_smuggle_nothing() {
    check(&[
        framed(
            "two lengths",
            "content-length: 4\r\ncontent-length: 5",
            "abcd",
            &[400],
        ),
        framed("a list of lengths", "content-length: 4, 5", "abcd", &[400]),
        framed("signed", "content-length: +4", "abcd", &[400]),
        framed("negative", "content-length: -4", "abcd", &[400]),
        framed("hexadecimal", "content-length: 0x4", "abcd", &[400]),
        framed("two numbers", "content-length: 4 4", "abcd", &[400]),
        framed("empty", "content-length: ", "", &[400]),
        framed(
            "beyond 64 bits",
            "content-length: 18446744073709551617",
            "a",
            &[400],
        ),
        framed("a fraction", "content-length: 4.0", "abcd", &[400]),
        framed("not a digit", "content-length: \u{664}", "abcd", &[400]),
    ]);
}

#[test]
fn bad_chunks_are_refused() {
    check(&[
        chunked("no number", "zz\r\nabc\r\n0\r\n\r\n", &[400]),
        chunked("negative", "-3\r\nabc\r\n0\r\n\r\n", &[400]),
        chunked(
            "beyond 64 bits",
            "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            &[400],
        ),
        chunked("prefixed", "0x3\r\nabc\r\n0\r\n\r\n", &[400]),
        // Envoy's parser passes over what stands between a chunk and the end of its line.
        chunked("longer than its size", "3\r\nabcd\r\n0\r\n\r\n", &[200]).for_tollgate(&[400]),
        chunked("no size", "\r\nabc\r\n0\r\n\r\n", &[400]),
        chunked("bare line feed", "3\nabc\r\n0\r\n\r\n", &[400]),
        chunked("space before the size", " 3\r\nabc\r\n0\r\n\r\n", &[400]),
    ]);
}

#[test]
fn bad_header_lines_are_refused() {
    check(&[
        with_line("a NUL in a value", b"x-a: a\0b", &[400]),
        with_line("a NUL in a name", b"x\0a: b", &[400]),
        with_line("a space in a name", b"x a: b", &[400]),
        with_line("no colon", b"xab", &[400]),
        with_line("no name", b": b", &[400]),
        // Envoy's parser takes a bare carriage return and a folded line for white space.
        with_line("a bare carriage return", b"x-a: a\rb", &[200]).for_tollgate(&[400]),
        with_line("folded", b"x-a: a\r\n b", &[200]).for_tollgate(&[400]),
        with_line("a control character", b"x-a: a\x01b", &[400]),
        // Both are joined to `a,b`, so that nobody behind takes another one for the host.
        with_line("a second host", b"host: b", &[200]),
    ]);
}

#[test]
fn bad_request_lines_are_refused() {
    check(&[
        same("no method", " / HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
        same(
            "a bad method",
            "G\x01T / HTTP/1.1\r\nhost: a\r\n\r\n",
            &[400],
        ),
        // Every version but 1.1 counts as an old client.
        same("no version", "GET /direct\r\nhost: a\r\n\r\n", &[426]),
        same(
            "version 1.7",
            "GET /direct HTTP/1.7\r\nhost: a\r\n\r\n",
            &[426],
        ),
        same(
            "version 2.0",
            "GET /direct HTTP/2.0\r\nhost: a\r\n\r\n",
            &[426],
        ),
        same(
            "another protocol",
            "GET /direct SPDY/1\r\nhost: a\r\n\r\n",
            &[400],
        ),
        same("no slash", "GET direct HTTP/1.1\r\nhost: a\r\n\r\n", &[400]),
        same(
            "a NUL in the path",
            "GET /dir\0ect HTTP/1.1\r\nhost: a\r\n\r\n",
            &[400],
        ),
        same(
            "a space in the path",
            "GET /di rect HTTP/1.1\r\nhost: a\r\n\r\n",
            &[400],
        ),
        same("no host", "GET /direct HTTP/1.1\r\n\r\n", &[400]),
        same("bytes", [0, 1, 2, 3, 255, 254, 13, 10, 13, 10], &[400]),
        same(
            "a TLS greeting",
            [22, 3, 1, 0, 5, 1, 0, 0, 1, 3, 3, 13, 10, 13, 10],
            &[400],
        ),
        // Envoy takes the first line for HTTP/2 and closes; Tollgate still answers in HTTP/1.
        same(
            "half a HTTP/2 preface",
            "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
            &[],
        )
        .for_tollgate(&[426]),
    ]);
}

#[test]
fn heads_that_are_too_large_are_answered_431() {
    let long = format!("x-long: {}", "a".repeat(100_000));
    let many: Vec<_> = (0..200).map(|n| format!("x-{n}: 1")).collect();
    check(&[
        with_line("a header of 100,000 bytes", long.as_bytes(), &[431]),
        with_line("200 headers", many.join("\r\n").as_bytes(), &[431]),
        same(
            "a path of 100,000 bytes",
            format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000)),
            &[431],
        ),
    ]);
}

#[test]
fn clients_that_break_off_harm_nobody() {
    let outcome = HTTP.compare(|proxy| {
        let requests: [&[u8]; 6] = [
            b"",
            b"GET",
            b"GET /origin HTTP/1.1\r\nhost: a\r\nx-half: ",
            b"POST /origin HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly this",
            b"POST /origin HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04",
        ];
        for _ in 0..20 {
            for request in requests {
                break_off(proxy.port(MAIN), request);
            }
        }
        proxy.get(MAIN, "/direct").send().status
    });
    assert_eq!(outcome, 200);
}
