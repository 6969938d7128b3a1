//! Trailers that a guest makes, and maps of a stream that goes on.

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
use crate::statements::callout_text::{STREAM, http_call, resume, wait_for_call};
use crate::statements::observation::{reports, reports_after};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "HM-10",
        text: "Headers of a request that waits are available to a callout's callback that acts \
               for its context.",
        verdict: Verdict::Same(
            "root=2, stream=0 \"old\", replace=0, replaced=0 \"new\", root again=2, 200, \
             upstream: x-a new",
        ),
        note: None,
        run: waiting_request,
    },
    Statement {
        id: "HM-15",
        text: "Trailers that a body's last callback adds reach the peer, without a callback for \
               them here.",
        verdict: Verdict::Same(
            "request add=0, made=0 \"1\", next filter body end=0, next filter=0 \"1\", next \
             filter body end=1, response add=0, made=0 \"2\", upstream: \"body\" {\"x-made\": \
             \"1\"}, client: {\"x-made\": \"2\"}",
        ),
        note: None,
        run: made_trailers,
    },
    Statement {
        id: "HM-16",
        text: "Trailers cannot be made before the end of the body.",
        verdict: Verdict::Same(
            "request end=0, get=2, pairs=0 {}, get again=2, size=2, remove=2, add=2, made=2, \
             request over, request end=1, get=2, pairs=0 {}, get again=2, size=0, remove=0, \
             add=0, made=0 \"1\", request over, response end=0, get=2, pairs=0 {}, get again=2, \
             size=2, remove=2, add=2, made=2, response over, response end=1, get=2, pairs=0 {}, \
             get again=2, size=0, remove=0, add=0, made=0 \"1\", response over, upstream: \
             {\"x-made\": \"1\"}, client: {\"x-made\": \"1\"}",
        ),
        note: Some(
            "To ask for the size of the map makes the trailers as a change does; to read them does not.",
        ),
        run: early_trailers,
    },
    Statement {
        id: "HM-22",
        text: "Once a stream is told to go on, in either direction, request headers cannot be \
               changed any more.",
        verdict: Verdict::Same(
            "request: answer=1, request before=0, continue=0, request after=2, read after=2, \
             response after=2, 200 upstream x-a 1; response: answer=0 \"1\", request before=0, \
             continue=0, request after=2, read after=2, response after=0, 200 client x-a 2",
        ),
        note: Some(
            "Headers of the response can still be changed in that callback, and the client gets the \
               change.",
        ),
        run: after_continue,
    },
];

fn waiting_request(host: &Host) -> String {
    let text = guest(
        &[
            STREAM.to_owned(),
            on_request_headers(&wait_for_call(), 1),
            on_http_call_response(
                &(r#"(call $get @"root" (i32.const 0) @"x-a")
                   (drop (call $proxy_set_effective_context (global.get $stream)))
                   (call $get @"stream" (i32.const 0) @"x-a")
                   (call $report @"replace"
                     (call $proxy_replace_header_map_value (i32.const 0) @"x-a" @"new"))
                   (call $get @"replaced" (i32.const 0) @"x-a")
                   (drop (call $proxy_set_effective_context (i32.const 0)))
                   (call $get @"root again" (i32.const 0) @"x-a")
                   (call $say @"end")"#
                    .to_owned()
                    + &resume(0)),
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let status = proxy.get("/main").header("x-a", "old").send().status;
    let received = proxy.origin().received();
    let main = received.iter().find(|request| request.path == "/main");
    let x_a = main.and_then(|request| request.header("x-a"));
    format!(
        "{}, {status}, upstream: x-a {}",
        reports(&proxy),
        x_a.unwrap_or("none")
    )
}

fn made_trailers(host: &Host) -> String {
    let text = guest(
        &[
            on_request_body(
                r#"(if (local.get $end) (then
                     (call $report @"request add"
                       (call $proxy_add_header_map_value (i32.const 1) @"x-made" @"1"))
                     (call $get @"made" (i32.const 1) @"x-made")))"#,
                0,
            ),
            on_request_trailers(r#"(call $say @"request trailers called")"#, 0),
            on_response_body(
                r#"(if (local.get $end) (then
                     (call $report @"response add"
                       (call $proxy_add_header_map_value (i32.const 3) @"x-made" @"2"))
                     (call $get @"made" (i32.const 3) @"x-made")))"#,
                0,
            ),
            on_response_trailers(r#"(call $say @"response trailers called")"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let other = guest(
        &[
            on_request_trailers(r#"(call $get @"next filter" (i32.const 1) @"x-made")"#, 0),
            on_response_body(
                r#"(call $report @"next filter body end" (local.get $end))"#,
                0,
            ),
            on_request_body(
                r#"(call $report @"next filter body end" (local.get $end))"#,
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http([Plugin::wat(text), Plugin::wat(other)]));
    let response = proxy.post("/http2").http2().body("body").send();
    let upstream = proxy.origin().only_request();
    format!(
        "{}, upstream: {:?} {:?}, client: {:?}",
        reports(&proxy),
        upstream.text(),
        upstream.trailers.unwrap_or_default(),
        response.trailers.unwrap_or_default(),
    )
}

fn early_trailers(host: &Host) -> String {
    let body = |map: u32, label: &str| {
        format!(
            r#"(call $report @"{label} end" (local.get $end))
               (call $get @"get" (i32.const {map}) @"x-made")
               (call $pairs @"pairs" (i32.const {map}))
               (call $get @"get again" (i32.const {map}) @"x-made")
               (call $report @"size"
                 (call $proxy_get_header_map_size (i32.const {map}) (i32.const 0x200)))
               (call $report @"remove"
                 (call $proxy_remove_header_map_value (i32.const {map}) @"x-made"))
               (call $report @"add"
                 (call $proxy_add_header_map_value (i32.const {map}) @"x-made" @"1"))
               (call $get @"made" (i32.const {map}) @"x-made")
               (call $say @"{label} over")"#
        )
    };
    let text = guest(
        &[
            on_request_body(&body(1, "request"), 0),
            on_response_body(&body(3, "response"), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let (first, second) = (Gate::closed(), Gate::closed());
    let chunks = |gate| Body::chunks().chunk("one").wait(gate).chunk("two");
    proxy
        .origin()
        .answer("/http2", Answer::stream(chunks(&second)));
    let pending = proxy.post("/http2").http2().stream(chunks(&first)).start();
    drop(proxy.wait_for("request over"));
    first.open();
    drop(proxy.wait_for("response over"));
    second.open();
    let response = pending.finish();
    let upstream = proxy.origin().only_request();
    format!(
        "{}, upstream: {:?}, client: {:?}",
        reports(&proxy),
        upstream.trailers.unwrap_or_default(),
        response.trailers.unwrap_or_default(),
    )
}

fn after_continue(host: &Host) -> String {
    let text = guest(
        &[
            "(global $stream (mut i32) (i32.const 0)) (global $side (mut i32) (i32.const 0))"
                .to_owned(),
            on_request_headers(
                &("(global.set $stream (local.get $id))
                   (global.set $side (i32.const 0))
                   (call $get @\"answer\" (i32.const 0) @\"x-answer\")
                   (if (i32.load (i32.const 0x104)) (then
                     (global.set $side (i32.const 1))
                     (drop (call $proxy_send_local_response (i32.const 200)
                       @\"\" @\"\" @\"\" (i32.const -1)))
                     (return (i32.const 1))))"
                    .to_owned()
                    + &http_call("origin", "/side")),
                1,
            ),
            on_response_headers(
                &("(if (i32.eqz (global.get $side)) (then (return (i32.const 0))))".to_owned()
                    + &http_call("origin", "/side")),
                1,
            ),
            on_http_call_response(
                r#"(drop (call $proxy_set_effective_context (global.get $stream)))
                   (call $report @"request before"
                     (call $proxy_replace_header_map_value (i32.const 0) @"x-a" @"1"))
                   (call $report @"continue" (call $proxy_continue_stream (global.get $side)))
                   (call $report @"request after"
                     (call $proxy_replace_header_map_value (i32.const 0) @"x-a" @"2"))
                   (call $get @"read after" (i32.const 0) @"x-a")
                   (call $report @"response after"
                     (call $proxy_replace_header_map_value (i32.const 2) @"x-a" @"2"))
                   (call $say @"end")"#,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let response = proxy.get("/main").send();
    let received = proxy.origin().received();
    let main = received.iter().find(|request| request.path == "/main");
    let upstream = main
        .and_then(|request| request.header("x-a"))
        .unwrap_or("none");
    let first = format!(
        "request: {}, {} upstream x-a {upstream}",
        reports(&proxy),
        response.status,
    );
    let count = proxy.wait_for("end").len();
    let response = proxy.get("/main").header("x-answer", "1").send();
    format!(
        "{first}; response: {}, {} client x-a {}",
        reports_after(&proxy, count, 2),
        response.status,
        response.header("x-a").unwrap_or("none")
    )
}
