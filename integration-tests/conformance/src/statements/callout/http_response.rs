//! How HTTP calls end.

use std::time::Duration;

use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::origin::body::{Body, Gate};

use super::{STATUS, get, http_call, reports_until, serve};
use crate::guest::{on_configure, on_delete, on_http_call_response, on_request_headers, on_tick};
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "CO-06",
        text: "A response is told by root, token and counts, and its headers, body and trailers can be read.",
        verdict: Verdict::Same(
            "call=0, token=4, is the root=1, token=4, headers=3, size=5, trailers=1, \
             status=0 \"200\", body=0 \"hello\", trailer=0 \"t\"",
        ),
        note: None,
        run: success,
    },
    Statement {
        id: "CO-07",
        text: "After its callback a response cannot be read any more.",
        verdict: Verdict::Same("status=2, body=1"),
        note: None,
        run: afterwards,
    },
    Statement {
        id: "CO-08",
        text: "A timeout is a response with the status 504.",
        verdict: Verdict::Same("token=4, status=0 \"504\", body=0 \"upstream request timeout\""),
        note: None,
        run: timeout,
    },
    Statement {
        id: "CO-09",
        text: "A refused connection is a response with the status 503; without a healthy host there is none.",
        verdict: Verdict::Same(
            "call=0, token=4, call=10, token=0, token=4, status=0 \"503\", body=0 \"upstream \
             connect error or disconnect/reset before headers. reset reason: remote connection \
             failure\"",
        ),
        note: None,
        run: no_connection,
    },
    Statement {
        id: "CO-10",
        text: "A reset after the headers is a response of nothing, and its status is 11, reset.",
        verdict: Verdict::Same("headers=0, size=0, trailers=0, message=0 \"reset\", code=11"),
        note: None,
        run: reset,
    },
    Statement {
        id: "CO-12",
        text: "A response comes also when the stream that asked for it is gone.",
        verdict: Verdict::Same("call=0, token=4, deleted=2, token=4"),
        note: None,
        run: without_stream,
    },
    Statement {
        id: "CO-13",
        text: "Responses of calls that overlap are told apart by their tokens.",
        verdict: Verdict::Same(
            "call=0, token=4, call=0, token=8, token=8, body=0 \"second\", token=4, \
             body=0 \"first\"",
        ),
        note: None,
        run: overlapping,
    },
];

const TOKEN: &str = r#"(call $report @"token" (local.get $token)) "#;
const HTTP_STATUS: &str = r#"(call $get @"status" (i32.const 6) @":status") "#;
const BODY: &str = r#"(call $buffer @"body" (i32.const 4) (i32.const 0) (i32.const 1000)) "#;
const COUNTS: &str = r#"(call $report @"headers" (local.get $headers))
    (call $report @"size" (local.get $size)) (call $report @"trailers" (local.get $trailers)) "#;

fn success(host: &Host) -> String {
    let response = [
        r#"(call $report @"is the root" (i32.eq (local.get $root) (global.get $configured)))"#,
        TOKEN,
        COUNTS,
        HTTP_STATUS,
        BODY,
        r#"(call $get @"trailer" (i32.const 7) @"x-trail")"#,
    ];
    let fields = [
        "(global $configured (mut i32) (i32.const 0))".to_owned(),
        on_configure("(global.set $configured (local.get $root))", 1),
        on_request_headers(&http_call("http2", &get("/call"), "0"), 0),
        on_http_call_response(&response.concat()),
    ];
    let proxy = serve(host, &fields.concat());
    let body = Body::chunks().chunk("hello").trailers(&[("x-trail", "t")]);
    proxy.origin().answer("/call", Answer::stream(body));
    reports_until(&proxy, "trailer=")
}

fn afterwards(host: &Host) -> String {
    let call = http_call("origin", &get("/call"), "0");
    let soon = "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))";
    let look = [
        HTTP_STATUS,
        BODY,
        "(drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))",
    ];
    let fields = [
        on_request_headers(&call, 0),
        on_http_call_response(soon),
        on_tick(&look.concat()),
    ];
    let proxy = serve(host, &fields.concat());
    let reports = reports_until(&proxy, "body=");
    reports.replace("call=0, token=4, ", "")
}

fn timeout(host: &Host) -> String {
    let call = http_call("origin", &get("/late"), "100");
    let response = [TOKEN, HTTP_STATUS, BODY].concat();
    let fields = on_request_headers(&call, 0) + &on_http_call_response(&response);
    let proxy = serve(host, &fields);
    let late = Answer::text("late").delay(Duration::from_secs(20));
    proxy.origin().answer("/late", late);
    let reports = reports_until(&proxy, "body=");
    reports.replace("call=0, token=4, ", "")
}

fn no_connection(host: &Host) -> String {
    let calls = http_call("refusing", &get("/"), "0") + &http_call("empty", &get("/"), "0");
    let response = [TOKEN, HTTP_STATUS, BODY].concat();
    let fields = on_request_headers(&calls, 0) + &on_http_call_response(&response);
    reports_until(&serve(host, &fields), "body=")
}

fn reset(host: &Host) -> String {
    let call = http_call("raw", &get("/"), "0");
    let response = format!("{COUNTS} (call $last_status)");
    let fields = [
        on_request_headers(&call, 0),
        on_http_call_response(&response),
        STATUS.to_owned(),
    ];
    let proxy = serve(host, &fields.concat());
    let origin = proxy.origin();
    origin.answer_raw("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf");
    let reports = reports_until(&proxy, "code=");
    reports.replace("call=0, token=4, ", "")
}

fn without_stream(host: &Host) -> String {
    let call = http_call("origin", &get("/held"), "0");
    let fields = [
        on_request_headers(&call, 0),
        on_delete(r#"(call $report @"deleted" (local.get $id))"#),
        on_http_call_response(TOKEN),
    ];
    let proxy = serve(host, &fields.concat());
    let gate = Gate::closed();
    let held = Answer::stream(Body::chunks().wait(&gate));
    proxy.origin().answer("/held", held);
    assert_eq!(proxy.get("/").send().status, 200);
    let _reports = proxy.wait_for("deleted=");
    gate.open();
    proxy.wait_for_nth("token=", 2).join(", ")
}

fn overlapping(host: &Host) -> String {
    let calls =
        http_call("origin", &get("/first"), "0") + &http_call("origin", &get("/second"), "0");
    let response = [TOKEN, BODY].concat();
    let fields = on_request_headers(&calls, 0) + &on_http_call_response(&response);
    let proxy = serve(host, &fields);
    let gate = Gate::closed();
    let first = Body::chunks().wait(&gate).chunk("first");
    proxy.origin().answer("/first", Answer::stream(first));
    proxy.origin().answer("/second", Answer::text("second"));
    assert_eq!(proxy.get("/").send().status, 200);
    let _reports = proxy.wait_for("body=");
    gate.open();
    proxy.wait_for_nth("body=", 2).join(", ")
}
