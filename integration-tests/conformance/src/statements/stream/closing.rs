//! Streams that a guest resets.

use crate::guest::{
    guest, on_delete, on_done, on_log, on_request_headers, on_response_body, on_response_headers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::observation::{reports, reports_after};
use tollgate_integration_tests::origin::Answer;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ST-06",
        text: "To close a stream resets it for the client; then it is logged, done and deleted.",
        verdict: Verdict::Same(
            "close 0=0, log, details=0 \"wasm_close_stream\", done, client: 0; close 1=0, log, \
             details=0 \"via_upstream\", done, client: 0",
        ),
        note: None,
        run: closed,
    },
    Statement {
        id: "ST-16",
        text: "A local response after the response's headers were sent resets the stream.",
        verdict: Verdict::Same(
            "body=6, send=0, details=0 \"too_late\", client: 200 complete false body \"\"",
        ),
        note: Some(
            "The client has the headers that were sent before, and the access log the details of the \
               local response.",
        ),
        run: too_late,
    },
];

fn closed(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(
                r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"x-side"
                     (i32.const 0x100) (i32.const 0x104)))
                   (if (i32.load (i32.const 0x104)) (then (return (i32.const 0))))
                   (call $report @"close 0" (call $proxy_close_stream (i32.const 0)))"#,
                1,
            ),
            on_response_headers(
                r#"(call $report @"close 1" (call $proxy_close_stream (i32.const 1)))"#,
                1,
            ),
            on_log(
                r#"(call $say @"log")
                   (call $property @"details" @"response\00code_details")"#,
            ),
            on_done(r#"(call $say @"done")"#, 1),
            on_delete(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = proxy.get("/").send();
    let one = format!("{}, client: {}", reports(&proxy), request.status);
    let count = proxy.wait_for("end").len();
    let response = proxy.get("/").http2().header("x-side", "response").send();
    format!(
        "{one}; {}, client: {}",
        reports_after(&proxy, count, 2),
        response.status
    )
}

fn too_late(host: &Host) -> String {
    let text = guest(
        &[
            on_response_body(
                r#"(call $report @"body" (local.get $size))
                   (call $report @"send" (call $proxy_send_local_response (i32.const 403)
                     @"too late" @"no" @"" (i32.const -1)))"#,
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
    proxy.origin().answer("/", Answer::text("answer"));
    let response = proxy.get("/").send();
    format!(
        "{}, client: {} complete {} body {:?}",
        reports(&proxy),
        response.status,
        response.complete,
        response.text()
    )
}
