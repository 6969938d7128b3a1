//! Changing bodies.

use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_configure, on_http_call_response, on_request_body, on_request_headers,
    on_response_body, on_response_headers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::http_call;
use crate::statements::observation::{from_last, reports};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "BU-07",
        text: "To set no bytes at the start puts bytes in front.",
        verdict: Verdict::Same(
            "set 0+0=0, now=0 \"xhello\", set 0+0=0, now=0 \"xhello\", upstream: xhello, client: \
             xhello",
        ),
        note: None,
        run: |host| edited(host, &[("0", "0", "x")]),
    },
    Statement {
        id: "BU-08",
        text: "To set bytes at the end or behind it appends them.",
        verdict: Verdict::Same(
            "set 5+0=0, now=0 \"hellox\", set 0x7fffffff+0=0, now=0 \"helloxy\", set -1+3=0, \
             now=0 \"helloxyz\", set 5+0=0, now=0 \"hellox\", set 0x7fffffff+0=0, now=0 \
             \"helloxy\", set -1+3=0, now=0 \"helloxyz\", upstream: helloxyz, client: helloxyz",
        ),
        note: None,
        run: |host| {
            edited(
                host,
                &[("5", "0", "x"), ("0x7fffffff", "0", "y"), ("-1", "3", "z")],
            )
        },
    },
    Statement {
        id: "BU-09",
        text: "To set all bytes, or more than there are, replaces the body.",
        verdict: Verdict::Same(
            "set 0+5=0, now=0 \"first\", set 0+0x7fffffff=0, now=0 \"second\", set 0+5=0, now=0 \
             \"first\", set 0+0x7fffffff=0, now=0 \"second\", upstream: second, client: second",
        ),
        note: None,
        run: |host| edited(host, &[("0", "5", "first"), ("0", "0x7fffffff", "second")]),
    },
    Statement {
        id: "BU-10",
        text: "To set the first byte replaces that one.",
        verdict: Verdict::Same(
            "set 0+1=0, now=0 \"xello\", set 0+1=0, now=0 \"longello\", set 0+1=0, now=0 \
             \"xello\", set 0+1=0, now=0 \"longello\", upstream: longello, client: longello",
        ),
        note: None,
        run: |host| edited(host, &[("0", "1", "x"), ("0", "1", "long")]),
    },
    Statement {
        id: "BU-11",
        text: "Bytes in the middle cannot be set.",
        verdict: Verdict::Same(
            "set 1+1=2, now=0 \"hello\", set 4+1=2, now=0 \"hello\", set 1+0=2, now=0 \"hello\", \
             set 1+1=2, now=0 \"hello\", set 4+1=2, now=0 \"hello\", set 1+0=2, now=0 \"hello\", \
             upstream: hello, client: hello",
        ),
        note: Some("The written specification promises it; no host does it."),
        run: |host| edited(host, &[("1", "1", "x"), ("4", "1", "x"), ("1", "0", "x")]),
    },
    Statement {
        id: "BU-12",
        text: "To set nothing in place of all bytes empties the body.",
        verdict: Verdict::Same(
            "set 0+5=0, now=0 \"\", set 0+5=0, now=0 \"\", upstream: , client: ",
        ),
        note: None,
        run: |host| edited(host, &[("0", "5", "")]),
    },
    Statement {
        id: "BU-13",
        text: "Configurations, a callout's body and call data cannot be changed.",
        verdict: Verdict::Same(
            "set 8=2, replace 8=2, get 8=0 \"\", set 6=2, replace 6=2, get 6=0 \"vm\", set 7=2, \
             replace 7=2, get 7=0 \"plugin\", set 4=2, replace 4=2, get 4=0 \"answer\"",
        ),
        note: None,
        run: read_only,
    },
];

/// What becomes of the body `hello` in either direction.
fn edited(host: &Host, edits: &[(&str, &str, &str)]) -> String {
    let edit = |kind: u32| -> String {
        let one = |(start, size, data): &(&str, &str, &str)| {
            format!(
                r#"(call $report @"set {start}+{size}"
                     (call $proxy_set_buffer_bytes (i32.const {kind})
                       (i32.const {start}) (i32.const {size}) @"{data}"))
                   (call $buffer @"now" (i32.const {kind}) (i32.const 0) (i32.const 100))"#
            )
        };
        edits.iter().map(one).collect()
    };
    // The last callback of a body may have no bytes.
    let when = "(if (i32.eqz (local.get $size)) (then (return (i32.const 0))))";
    let length = |map: u32| {
        format!(
            r#"(drop (call $proxy_remove_header_map_value (i32.const {map}) @"content-length"))"#
        )
    };
    let text = guest(
        &[
            on_request_headers(&length(0), 0),
            on_request_body(&format!("{when} {}", edit(0)), 0),
            on_response_headers(&length(2), 0),
            on_response_body(&format!(r#"{when} {} (call $say @"end")"#, edit(1)), 0),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    proxy.origin().answer("/", Answer::text("hello"));
    let response = proxy.post("/").body("hello").send();
    let reports = reports(&proxy);
    let (request, answer) = reports.split_at(reports.len() / 2);
    let same = request.trim_end_matches(", ") == answer.trim_start_matches(", ");
    let reports = if same {
        format!("both ways: {}", answer.trim_start_matches(", "))
    } else {
        reports
    };
    format!(
        "{reports}, upstream: {}, client: {}",
        proxy.origin().only_request().text(),
        response.text()
    )
}

fn read_only(host: &Host) -> String {
    let set = |kind: u32| {
        format!(
            r#"(call $report @"set {kind}" (call $proxy_set_buffer_bytes (i32.const {kind})
                 (i32.const 0) (i32.const 0) @"x"))
               (call $report @"replace {kind}" (call $proxy_set_buffer_bytes (i32.const {kind})
                 (i32.const 0) (i32.const 100) @"x"))
               (call $buffer @"get {kind}" (i32.const {kind}) (i32.const 0) (i32.const 100))"#
        )
    };
    let text = guest(
        &[
            on_configure(
                &(set(8) + &set(6) + &set(7) + r#"(call $say @"configured")"#),
                1,
            ),
            on_request_headers(&http_call("origin", "/side"), 0),
            on_http_call_response(&(set(4) + r#"(call $say @"end")"#)),
        ]
        .concat(),
    );
    let plugin = Plugin::wat(text)
        .configuration("plugin")
        .vm_configuration("vm");
    let proxy = host.serve(&Setup::http(plugin));
    proxy.origin().answer("/side", Answer::text("answer"));
    assert_eq!(proxy.get("/").send().status, 200);
    let reports = reports(&proxy);
    from_last(&reports, "set 8=").replace("configured, ", "")
}
