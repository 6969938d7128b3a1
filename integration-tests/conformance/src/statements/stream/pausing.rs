//! What a callback's result does.

use tollgate_integration_tests::client::{Body, Gate};
use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_http_call_response, on_log, on_request_body, on_request_headers, on_request_trailers,
    on_response_body, on_response_headers, on_response_trailers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::{STREAM, resume, wait_for_call};
use crate::statements::observation::{reports, reports_after};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ST-01",
        text: "A request that is paused in its headers has no body callback until it is told to \
               go on, and then one with all that came.",
        verdict: Verdict::Same(
            "headers, last=0, go on, body=13, last=1, all=0 \"one two three\", [200], upstream: \
             one two three",
        ),
        note: None,
        run: paused_headers,
    },
    Statement {
        id: "ST-02",
        text: "Where the plugin allows StopIteration body callbacks come while headers wait, and \
               to continue from one lets the headers go.",
        verdict: Verdict::Same(
            "headers, body=4, last=0, body=7, last=0, body=7, last=1, set=0, response headers, \
             response body=4, last=0, response body=7, last=0, response body=7, last=1, set=0, \
             upstream: x-late 1 one two, client: x-late 2 one two",
        ),
        note: None,
        run: stopped_headers,
    },
    Statement {
        id: "ST-03",
        text: "The result 2 of a headers callback is the same as 0.",
        verdict: Verdict::Same(
            "request body=5, request body=0, response body=6, response body=0, upstream: hello, \
             client: 200 answer",
        ),
        note: Some(
            "Over HTTP/1 the end of a body has a callback of its own, also if its length is known.",
        ),
        run: legacy_result,
    },
    Statement {
        id: "ST-04",
        text: "An unknown result pauses in headers and trailers, and drops the bytes of a body \
               callback.",
        verdict: Verdict::Same(
            "headers: headers wait, go on, body=4, last=0, response headers wait, go on, response \
             body=4, last=0, upstream: \"body\", client: \"body\"; body: body=4, last=0, response \
             body=4, last=0, upstream: \"\", client: \"\"; trailers: body=4, last=0, trailers \
             wait, go on, response body=4, last=0, response trailers wait, go on, upstream: \
             \"body\", client: \"body\"; all: headers wait, go on, body=4, last=0, trailers wait, \
             go on, response headers wait, go on, response body=4, last=0, response trailers \
             wait, go on, upstream: \"body\", client: \"body\"",
        ),
        note: Some(
            "Bytes that had come while the headers were paused are not dropped: the callback after the \
               pause sees them, and they are sent on.",
        ),
        run: unknown_results,
    },
    Statement {
        id: "ST-22",
        text: "Informational responses have no callback.",
        verdict: Verdict::Same("response headers=0 \"200\", client: [200]"),
        note: Some("Neither proxy forwards them."),
        run: informational,
    },
];

/// Says how much a body callback is told, and whether it is the last.
fn told(label: &str) -> String {
    format!(
        r#"(call $report @"{label}" (local.get $size)) (call $report @"last" (local.get $end))"#
    )
}

fn paused_headers(host: &Host) -> String {
    let text = guest(
        &[
            STREAM.to_owned(),
            on_request_headers(
                &(r#"(call $report @"headers, last" (local.get $end))"#.to_owned()
                    + &wait_for_call()),
                1,
            ),
            on_http_call_response(&(r#"(call $say @"go on")"#.to_owned() + &resume(0))),
            on_request_body(
                &(told("body")
                    + r#"(call $buffer @"all" (i32.const 0) (i32.const 0) (i32.const 100))"#),
                0,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n";
    let status = proxy.raw(request).statuses();
    let upstream = proxy.origin().wait_for_requests(2).swap_remove(1);
    format!(
        "{}, {status:?}, upstream: {}",
        reports(&proxy),
        upstream.text()
    )
}

fn stopped_headers(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(r#"(call $say @"headers")"#, 1),
            on_request_body(
                &(told("body")
                    + r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
                         (call $report @"set" (call $proxy_replace_header_map_value
                           (i32.const 0) @"x-late" @"1"))"#),
                0,
            ),
            on_response_headers(r#"(call $say @"response headers")"#, 1),
            on_response_body(
                &(told("response body")
                    + r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
                         (call $report @"set" (call $proxy_replace_header_map_value
                           (i32.const 2) @"x-late" @"2"))"#),
                0,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text).allow_stop_iteration()));
    let (first, second) = (Gate::closed(), Gate::closed());
    let body = |gate| Body::chunks().chunk("one ").wait(gate).chunk("two");
    proxy.origin().answer("/", Answer::stream(body(&second)));
    let pending = proxy.post("/").stream(body(&first)).start();
    drop(proxy.wait_for("body=4"));
    first.open();
    drop(proxy.wait_for("response body=4"));
    second.open();
    let response = pending.finish();
    let upstream = proxy.origin().only_request();
    format!(
        "{}, upstream: x-late {} {}, client: x-late {} {}",
        reports(&proxy),
        upstream.header("x-late").unwrap_or("none"),
        upstream.text(),
        response.header("x-late").unwrap_or("none"),
        response.text()
    )
}

fn legacy_result(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers("", 2),
            on_request_body(r#"(call $report @"request body" (local.get $size))"#, 0),
            on_response_headers("", 2),
            on_response_body(r#"(call $report @"response body" (local.get $size))"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    proxy.origin().answer("/", Answer::text("answer"));
    let response = proxy.post("/").body("hello").send();
    let upstream = proxy.origin().only_request();
    format!(
        "{}, upstream: {}, client: {} {}",
        reports(&proxy),
        upstream.text(),
        response.status,
        response.text()
    )
}

fn unknown_results(host: &Host) -> String {
    let proxy = host.serve(&Setup::http(Plugin::wat(returning_99())));
    let mut observed = Vec::new();
    let cases = [
        ("headers", "1"),
        ("body", "2"),
        ("trailers", "4"),
        ("all", "7"),
    ];
    for (name, which) in cases {
        let before = proxy.reports().len();
        let body = Body::chunks().chunk("body").trailers(&[("t", "v")]);
        proxy
            .origin()
            .answer("/http2", Answer::stream(body.clone()));
        let request = proxy.post("/http2").http2().header("x-which", which);
        let response = request.stream(body).send();
        let received = proxy.origin().received();
        let upstream = received
            .into_iter()
            .rfind(|request| request.path == "/http2");
        observed.push(format!(
            "{name}: {}, upstream: {:?}, client: {:?}",
            reports_after(&proxy, before, observed.len() + 1),
            upstream.map_or_else(String::new, |request| request.text()),
            response.text()
        ));
    }
    observed.join("; ")
}

/// Which callbacks return 99 is in a header, bit by bit: headers, body, trailers.
fn returning_99() -> String {
    let when = |bit: u32, body: &str| {
        format!(
            "(if (i32.and (global.get $which) (i32.const {bit}))
               (then {body} (return (i32.const 99))))"
        )
    };
    let wait = |bit: u32, label: &str| {
        when(
            bit,
            &format!(r#"(call $say @"{label} wait") {}"#, wait_for_call()),
        )
    };
    let which = r#"
        (global.set $side (i32.const 0))
        (drop (call $proxy_get_header_map_value (i32.const 0) @"x-which"
          (i32.const 0x100) (i32.const 0x104)))
        (global.set $which
          (i32.sub (i32.load8_u (i32.load (i32.const 0x100))) (i32.const 48)))"#;
    guest(
        &[
            STREAM.to_owned(),
            "(global $side (mut i32) (i32.const 0)) (global $which (mut i32) (i32.const 0))"
                .to_owned(),
            on_request_headers(&(which.to_owned() + &wait(1, "headers")), 0),
            on_request_body(&(told("body") + &when(2, "")), 0),
            on_request_trailers(&wait(4, "trailers"), 0),
            on_response_headers(
                &("(global.set $side (i32.const 1))".to_owned() + &wait(1, "response headers")),
                0,
            ),
            on_response_body(&(told("response body") + &when(2, "")), 0),
            on_response_trailers(&wait(4, "response trailers"), 0),
            on_http_call_response(
                r#"(call $say @"go on")
                   (drop (call $proxy_set_effective_context (global.get $stream)))
                   (drop (call $proxy_continue_stream (global.get $side)))"#,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    )
}

fn informational(host: &Host) -> String {
    let text = guest(
        &[
            on_response_headers(
                r#"(call $get @"response headers" (i32.const 2) @":status")"#,
                0,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    proxy.origin().answer_raw(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let request = b"GET /raw HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let statuses = proxy.raw(request).statuses();
    format!("{}, client: {statuses:?}", reports(&proxy))
}
