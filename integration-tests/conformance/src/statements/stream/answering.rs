//! Local responses and what they consist of.

use crate::guest::{guest, on_log, on_request_headers, on_response_body, on_response_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::pairs;
use crate::statements::observation::reports;
use tollgate_integration_tests::client::{Request, Response};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ST-08",
        text: "A local response to a request reaches the client with status, headers and body, \
               passes this plugin's response callbacks, and no upstream.",
        verdict: Verdict::Same(
            "send=0, response headers=0 \"403\", last=0, response body=0 \"no\", last=1, client: \
             403 {\"content-length\": \"2\", \"content-type\": \"text/plain\", \"x-a\": \"1\", \
             \"x-a\": \"2\", \"x-own\": \"1\"} \"no\", upstream: 0 requests",
        ),
        note: None,
        run: to_request,
    },
    Statement {
        id: "ST-10",
        text: "A local response has type and length when it has a body, and a type that it brings \
               stays.",
        verdict: Verdict::Same(
            "without body: 200 {} \"\", with own type: 200 {\"x-a\": \"1\"} \"\"; with body: 200 \
             {\"content-length\": \"1\", \"content-type\": \"text/plain\"} \"x\", with own type: \
             200 {\"content-length\": \"1\", \"content-type\": \"a/b\", \"x-a\": \"1\"} \"x\"",
        ),
        note: None,
        run: type_and_length,
    },
    Statement {
        id: "ST-11",
        text: "A local response to a gRPC request has status 200 and no body, but gRPC status and \
               message.",
        verdict: Verdict::Same(
            "200 {\"content-type\": \"application/grpc\", \"grpc-message\": \"no: \
             100%25%0A%C3%A9%7E\", \"grpc-status\": \"5\", \"x-a\": \"1\"} \"\"; 200 \
             {\"content-type\": \"application/grpc\", \"grpc-status\": \"0\"} \"\"; 200 \
             {\"content-type\": \"application/grpc\", \"grpc-message\": \"no\", \"grpc-status\": \
             \"16\"} \"\"",
        ),
        note: Some("A tilde is encoded too, which gRPC would not do."),
        run: to_grpc,
    },
    Statement {
        id: "ST-12",
        text: "Without a gRPC status the HTTP status says which it is.",
        verdict: Verdict::Same(
            "/200=2, /204=2, /302=2, /400=13, /401=16, /403=7, /404=12, /408=2, /409=2, /413=2, \
             /429=14, /499=2, /500=2, /501=2, /502=14, /503=14, /504=14, /403?=7",
        ),
        note: None,
        run: mapped_status,
    },
    Statement {
        id: "ST-13",
        text: "Whitespace in the details of a local response becomes `_`.",
        verdict: Verdict::Same("details=0 \"a_b_c_d__e\""),
        note: None,
        run: details,
    },
    Statement {
        id: "ST-17",
        text: "A local response with an argument outside memory is refused and not sent; one with \
               malformed headers is sent without them.",
        verdict: Verdict::Same(
            "send=6, send=6, send=6, send=0, send=0, send=0, client: 200, 200, 200, 403, 403, \
             403, upstream: 3 requests",
        ),
        note: None,
        run: malformed,
    },
    Statement {
        id: "ST-20",
        text: "A local response to a HEAD request has headers only.",
        verdict: Verdict::Same(
            "403 {\"content-length\": \"4\", \"content-type\": \"text/plain\", \"x-a\": \"1\"} \
             \"\"; without body: 403 {} \"\"",
        ),
        note: None,
        run: to_head,
    },
];

/// Answers by path: the first of these whose path it is.
fn by_path(answers: &[(&str, String)]) -> String {
    let mut text = r#"(drop (call $proxy_get_header_map_value (i32.const 0) @":path"
        (i32.const 0x100) (i32.const 0x104)))"#
        .to_owned();
    for (letter, answer) in answers {
        // Paths differ in their second byte.
        let byte = letter.bytes().next().unwrap_or_default();
        text.push_str(&format!(
            r#"(if (i32.eq (i32.load8_u offset=1 (i32.load (i32.const 0x100))) (i32.const {byte}))
                 (then {answer}))"#
        ));
    }
    text
}

/// A call with status, details, body, headers and gRPC status.
fn send(status: u32, body: &str, headers: &[(&str, &str)], grpc: i32) -> String {
    format!(
        r#"(call $report @"send" (call $proxy_send_local_response (i32.const {status})
             @"details" @"{body}" @"{}" (i32.const {grpc})))"#,
        pairs(headers)
    )
}

/// What a client sees of an answer, without what differs from proxy to proxy.
fn seen(response: &Response) -> String {
    let headers = response.headers.clone().without("server").without("date");
    format!("{} {headers:?} {:?}", response.status, response.text())
}

fn answers(host: &Host, body: &str) -> Running {
    let text = guest(&on_request_headers(body, 0));
    host.serve(&Setup::http(Plugin::wat(text)))
}

fn to_request(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(&send(403, "no", &[("x-a", "1"), ("X-A", "2")], -1), 1),
            on_response_headers(
                r#"(call $get @"response headers" (i32.const 2) @":status")
                   (call $report @"last" (local.get $end))
                   (call $set (i32.const 2) @"x-own" @"1")"#,
                0,
            ),
            on_response_body(
                r#"(call $buffer @"response body" (i32.const 1) (i32.const 0) (i32.const 100))
                   (call $report @"last" (local.get $end))"#,
                0,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let response = proxy.get("/").send();
    format!(
        "{}, client: {}, upstream: {} requests",
        reports(&proxy),
        seen(&response),
        proxy.origin().received().len()
    )
}

fn type_and_length(host: &Host) -> String {
    let own = [
        ("content-type", "a/b"),
        ("content-length", "9"),
        ("x-a", "1"),
    ];
    let proxy = answers(
        host,
        &by_path(&[
            ("a", send(200, "", &[], -1)),
            ("b", send(200, "", &own, -1)),
            ("c", send(200, "x", &[], -1)),
            ("d", send(200, "x", &own, -1)),
        ]),
    );
    let ask = |path: &str| seen(&proxy.get(path).http2().send());
    format!(
        "without body: {}, with own type: {}; with body: {}, with own type: {}",
        ask("/a"),
        ask("/b"),
        ask("/c"),
        ask("/d")
    )
}

fn grpc(request: Request) -> Response {
    request.http2().grpc().send()
}

fn to_grpc(host: &Host) -> String {
    let proxy = answers(
        host,
        &by_path(&[
            ("a", send(403, "no: 100%\\0a\\c3\\a9~", &[("x-a", "1")], 5)),
            ("b", send(200, "", &[], 0)),
            (
                "c",
                send(
                    503,
                    "no",
                    &[("content-type", "a/b"), ("content-length", "2")],
                    16,
                ),
            ),
        ]),
    );
    let ask = |path: &str| seen(&grpc(proxy.post(path)));
    format!("{}; {}; {}", ask("/a"), ask("/b"), ask("/c"))
}

fn mapped_status(host: &Host) -> String {
    let body = r#"
        (drop (call $proxy_get_header_map_value (i32.const 0) @":path"
          (i32.const 0x100) (i32.const 0x104)))
        (drop (call $proxy_send_local_response (call $number (i32.load (i32.const 0x100)))
          @"" @"" @"" (call $grpc)))"#;
    let number = r#"
        (func $digit (param $at i32) (result i32)
          (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
        (func $number (param $at i32) (result i32)
          (i32.add
            (i32.mul (call $digit (i32.add (local.get $at) (i32.const 1))) (i32.const 100))
            (i32.add
              (i32.mul (call $digit (i32.add (local.get $at) (i32.const 2))) (i32.const 10))
              (call $digit (i32.add (local.get $at) (i32.const 3))))))
        (func $grpc (result i32)
          (select (i32.const 17) (i32.const -1) (i32.eq (i32.load (i32.const 0x104))
            (i32.const 5))))"#;
    let text = guest(&format!("{number}{}", on_request_headers(body, 0)));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let status = |path: &str| {
        let response = grpc(proxy.post(path));
        format!(
            "{path}={}",
            response.header("grpc-status").unwrap_or("none")
        )
    };
    let paths = [
        "/200", "/204", "/302", "/400", "/401", "/403", "/404", "/408", "/409", "/413", "/429",
        "/499", "/500", "/501", "/502", "/503", "/504", "/403?",
    ];
    paths.map(status).join(", ")
}

fn details(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(
                r#"(drop (call $proxy_send_local_response (i32.const 403)
                     @"a b\09c\0ad  e" @"" @"" (i32.const -1)))"#,
                0,
            ),
            on_log(
                r#"(call $property @"details" @"response\00code_details")
                   (call $say @"end")"#,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 403);
    reports(&proxy)
}

fn malformed(host: &Host) -> String {
    let far = "(i32.const 0xfffffff0) (i32.const 4)";
    let call = |details: &str, body: &str, headers: &str| {
        format!(
            r#"(call $report @"send" (call $proxy_send_local_response (i32.const 403)
                 {details} {body} {headers} (i32.const -1)))"#
        )
    };
    let text = r#"@"text""#;
    let long = r#"@"\01\00\00\00\01\00\00\00\01\00\00\00a\00b\00?""#;
    let cut = r#"@"\01\00\00\00\01\00\00\00\01\00\00\00a\00b""#;
    let proxy = answers(
        host,
        &by_path(&[
            ("a", call(text, text, far)),
            ("b", call(text, far, text)),
            ("c", call(far, text, text)),
            ("d", call(text, text, long)),
            ("e", call(text, text, cut)),
            ("f", call(text, text, text)),
        ]),
    );
    let ask = |path: &str| {
        let response = proxy.get(path).send();
        let x_a = response.header("a").map_or("", |_| " with header");
        format!("{}{x_a}", response.status)
    };
    let statuses = ["/a", "/b", "/c", "/d", "/e", "/f"].map(ask).join(", ");
    let reports = proxy.wait_for_nth("send=", 6).join(", ");
    let upstream = proxy.origin().received().len();
    format!("{reports}, client: {statuses}, upstream: {upstream} requests")
}

fn to_head(host: &Host) -> String {
    let proxy = answers(
        host,
        &by_path(&[
            ("a", send(403, "body", &[("x-a", "1")], -1)),
            ("b", send(403, "", &[], -1)),
        ]),
    );
    let ask = |path: &str| seen(&proxy.request("HEAD", path).http2().send());
    format!("{}; without body: {}", ask("/a"), ask("/b"))
}
