//! Going on with what was paused.

use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_configure, on_http_call_response, on_log, on_request_headers, on_response_body,
    on_response_headers, on_tick,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::{STREAM, resume, wait_for_call};
use crate::statements::observation::{from_last, reports};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ST-05",
        text: "Stream type 4 is a bad argument, the upstream of a connection cannot go on, and \
               outside a stream all others are fine.",
        verdict: Verdict::Same(
            "root:, continue 0=0, close 0=0, continue 1=0, close 1=0, continue 2=0, close 2=0, \
             continue 3=12, close 3=0, continue 4=2, close 4=2, continue -1=2, close -1=2, \
             stream:, continue 2=0, continue 3=12, continue 4=2, close 4=2, 200",
        ),
        note: None,
        run: stream_types,
    },
    Statement {
        id: "ST-07",
        text: "A request that waits for a callout goes on with the headers that its callback has \
               changed.",
        verdict: Verdict::Same("200, upstream: /changed hello, x-added 1, x-removed none"),
        note: None,
        run: request_after_callout,
    },
    Statement {
        id: "ST-18",
        text: "A callout's callback can answer a request that waits.",
        verdict: Verdict::Same("send=0, 403 no, upstream: [\"/side\"]"),
        note: None,
        run: answer_after_callout,
    },
    Statement {
        id: "ST-19",
        text: "A local response outside a stream is fine and does nothing.",
        verdict: Verdict::Same("configure=0, tick=0, callout=0, client: 200"),
        note: None,
        run: answer_of_root,
    },
    Statement {
        id: "ST-21",
        text: "A response that is paused in its headers reaches the client when it is told to go \
               on.",
        verdict: Verdict::Same("headers, callout, body=6, client: 200 x-late 1 answer"),
        note: None,
        run: response_after_callout,
    },
];

fn stream_types(host: &Host) -> String {
    let calls = |kinds: &[i32]| -> String {
        let one = |kind| {
            format!(
                r#"(call $report @"continue {kind}"
                     (call $proxy_continue_stream (i32.const {kind})))
                   (call $report @"close {kind}" (call $proxy_close_stream (i32.const {kind})))"#
            )
        };
        kinds.iter().map(one).collect()
    };
    let text = guest(
        &[
            on_configure(
                &(r#"(call $say @"root:")"#.to_owned() + &calls(&[0, 1, 2, 3, 4, -1])),
                1,
            ),
            on_request_headers(
                &(r#"(call $say @"stream:")"#.to_owned()
                    + r#"(call $report @"continue 2" (call $proxy_continue_stream (i32.const 2)))
                         (call $report @"continue 3" (call $proxy_continue_stream (i32.const 3)))
                         (call $report @"continue 4" (call $proxy_continue_stream (i32.const 4)))
                         (call $report @"close 4" (call $proxy_close_stream (i32.const 4)))
                         (call $say @"end")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let status = proxy.get("/").send().status;
    let reports = reports(&proxy);
    format!("{}, {status}", from_last(&reports, "root:"))
}

fn request_after_callout(host: &Host) -> String {
    let text = guest(
        &[
            STREAM.to_owned(),
            on_request_headers(&wait_for_call(), 1),
            on_http_call_response(
                &(r#"(drop (call $proxy_set_effective_context (global.get $stream)))
                     (drop (call $proxy_add_header_map_value (i32.const 0) @"x-added" @"1"))
                     (drop (call $proxy_remove_header_map_value (i32.const 0) @"x-removed"))
                     (call $set (i32.const 0) @":path" @"/changed")"#
                    .to_owned()
                    + &resume(0)),
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = proxy.post("/main").header("x-removed", "1");
    let status = request.body("hello").send().status;
    let upstream = proxy.origin().wait_for_requests(2).swap_remove(1);
    format!(
        "{status}, upstream: {} {}, x-added {}, x-removed {}",
        upstream.path,
        upstream.text(),
        upstream.header("x-added").unwrap_or("none"),
        upstream.header("x-removed").unwrap_or("none")
    )
}

fn answer_after_callout(host: &Host) -> String {
    let text = guest(
        &[
            STREAM.to_owned(),
            on_request_headers(&wait_for_call(), 1),
            on_http_call_response(
                r#"(drop (call $proxy_set_effective_context (global.get $stream)))
                   (call $report @"send" (call $proxy_send_local_response (i32.const 403)
                     @"" @"no" @"" (i32.const -1)))"#,
            ),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let response = proxy.get("/main").send();
    let paths: Vec<_> = proxy
        .origin()
        .received()
        .into_iter()
        .map(|r| r.path)
        .collect();
    format!(
        "{}, {} {}, upstream: {paths:?}",
        reports(&proxy),
        response.status,
        response.text()
    )
}

fn answer_of_root(host: &Host) -> String {
    let send = |when: &str| {
        format!(
            r#"(call $report @"{when}" (call $proxy_send_local_response (i32.const 403)
                 @"" @"no" @"" (i32.const -1)))"#
        )
    };
    let text = guest(
        &[
            STREAM.to_owned(),
            on_configure(
                &("(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))".to_owned()
                    + &send("configure")),
                1,
            ),
            on_tick(
                &("(drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))".to_owned()
                    + &send("tick")),
            ),
            on_request_headers(&wait_for_call(), 1),
            on_http_call_response(&(send("callout") + &resume(0))),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let configure = proxy.report("configure");
    let tick = proxy.report("tick");
    let response = proxy.get("/main").send();
    let callout = proxy.report("callout");
    format!(
        "configure={configure}, tick={tick}, callout={callout}, client: {}",
        response.status
    )
}

fn response_after_callout(host: &Host) -> String {
    let text = guest(
        &[
            STREAM.to_owned(),
            on_response_headers(
                &(r#"(call $say @"headers")"#.to_owned() + &wait_for_call()),
                1,
            ),
            on_http_call_response(
                &(r#"(call $say @"callout")
                     (drop (call $proxy_set_effective_context (global.get $stream)))
                     (call $set (i32.const 2) @"x-late" @"1")"#
                    .to_owned()
                    + &resume(1)),
            ),
            on_response_body(r#"(call $report @"body" (local.get $size))"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    proxy.origin().answer("/main", Answer::text("answer"));
    let response = proxy.get("/main").send();
    format!(
        "{}, client: {} x-late {} {}",
        reports(&proxy),
        response.status,
        response.header("x-late").unwrap_or("none"),
        response.text()
    )
}
