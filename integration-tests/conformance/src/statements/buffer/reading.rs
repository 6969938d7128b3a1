//! Reading buffers, and which are there.

use crate::guest::{
    guest, on_configure, on_context_create, on_http_call_response, on_log, on_request_body,
    on_request_headers, on_response_body, on_response_headers, on_vm_start,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::{STREAM, resume, wait_for_call};
use crate::statements::observation::{from_last, reports};
use tollgate_integration_tests::origin::Answer;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "BU-01",
        text: "Buffer type 9 is a bad argument, before pointers are looked at.",
        verdict: Verdict::Same("status 9=2, get 9=2, set 9=2, status 0=6, get 0=6, set 0=6"),
        note: None,
        run: unknown_type,
    },
    Statement {
        id: "BU-02",
        text: "A read from the end on returns nothing, and one beyond the end what is left.",
        verdict: Verdict::Same(
            "5+1=0 \"\", 6+1=0 \"\", 0xffffffff+0xffffffff=0 \"\", 2+0=0 \"\", 2+2=0 \"ll\", \
             2+100=0 \"llo\"",
        ),
        note: None,
        run: clamped,
    },
    Statement {
        id: "BU-03",
        text: "A read of 0x7fffffff bytes returns all.",
        verdict: Verdict::Same("0+0x7fffffff=0 \"hello\", 0+0xffffffff=0 \"hello\""),
        note: None,
        run: everything,
    },
    Statement {
        id: "BU-04",
        text: "The flags of a buffer are 0.",
        verdict: Verdict::Same(
            "6=0, size=2, flags=0, 7=0, size=6, flags=0, configured, 4=0, size=22, flags=0, 0=0, \
             size=5, flags=0, 2=0, size=0, flags=0, 3=0, size=0, flags=0, 5=0, size=0, flags=0, \
             8=0, size=0, flags=0, 1=0, size=8, flags=0, 1=0, size=0, flags=0",
        ),
        note: None,
        run: flags,
    },
    Statement {
        id: "BU-05",
        text: "A callout's body is not found outside its callback, nor is the plugin's \
               configuration where it is not being configured.",
        verdict: Verdict::Same(
            "root create:, 4=1 1 1 77 77, 7=0 0 2 6 0, start:, 4=1 1 1 77 77, 7=1 1 1 77 77, \
             configure:, 4=1 1 1 77 77, 7=0 0 2 6 0, stream create:, 4=1 1 1 77 77, 7=1 1 1 77 \
             77, headers:, 4=1 1 1 77 77, 7=1 1 1 77 77, response:, 4=1 1 1 77 77, 7=1 1 1 77 77, \
             log:, 4=1 1 1 77 77, 7=1 1 1 77 77",
        ),
        note: Some(
            "Each buffer has the statuses to ask, get and set, and size and flags, which were 77 before.",
        ),
        run: not_found,
    },
    Statement {
        id: "BU-06",
        text: "In a headers callback the body is empty and cannot be changed.",
        verdict: Verdict::Same(
            "request:, 0=0 0 2 0 0, 1=0 0 2 0 0, 2=0 0 2 0 0, 3=0 0 2 0 0, 5=0 0 2 0 0, 8=0 0 2 0 \
             0, response:, 0=0 0 2 0 0, 1=0 0 2 0 0, 2=0 0 2 0 0, 3=0 0 2 0 0, 5=0 0 2 0 0, 8=0 0 \
             2 0 0, upstream: hello",
        ),
        note: Some(
            "The written specification says that a buffer is not found there. Each buffer has the statuses to ask, get and set, and size and flags, which were 77 before.",
        ),
        run: body_in_headers,
    },
];

/// `$each label type` reports the statuses of status, get and set, and the size.
const EACH: &str = r#"
  (func $each (param $label i32) (param $size i32) (param $type i32)
    (i32.store (i32.const 0x200) (i32.const 77))
    (i32.store (i32.const 0x204) (i32.const 77))
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_number (i64.extend_i32_s (call $proxy_get_buffer_status (local.get $type)
      (i32.const 0x200) (i32.const 0x204))))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s (call $proxy_get_buffer_bytes (local.get $type)
      (i32.const 0) (i32.const 100) (i32.const 0x208) (i32.const 0x20c))))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s (call $proxy_set_buffer_bytes (local.get $type)
      (i32.const 0) (i32.const 0) @"x")))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s (i32.load (i32.const 0x200))))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s (i32.load (i32.const 0x204))))
    (call $line_log))
"#;

fn each(types: &[u32]) -> String {
    let one = |kind| format!(r#"(call $each @"{kind}" (i32.const {kind}))"#);
    types.iter().map(one).collect()
}

fn unknown_type(host: &Host) -> String {
    let far = "(i32.const 0xfffffff0)";
    let calls = |kind: u32| {
        format!(
            r#"(call $report @"status {kind}"
                 (call $proxy_get_buffer_status (i32.const {kind}) {far} {far}))
               (call $report @"get {kind}"
                 (call $proxy_get_buffer_bytes (i32.const {kind})
                   (i32.const 0) (i32.const 1) {far} {far}))
               (call $report @"set {kind}"
                 (call $proxy_set_buffer_bytes (i32.const {kind})
                   (i32.const 0) (i32.const 0) {far} (i32.const 4)))"#
        )
    };
    let body = calls(9) + &calls(0) + r#"(call $say @"end")"#;
    let text = guest(&on_request_body(&body, 0));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.post("/").body("hello").send().status, 200);
    reports(&proxy)
}

/// What a guest reads of the body `hello`.
fn read(host: &Host, body: &str) -> String {
    let text = guest(&on_request_body(
        &(body.to_owned() + r#"(call $say @"end")"#),
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.post("/").body("hello").send().status, 200);
    reports(&proxy)
}

fn clamped(host: &Host) -> String {
    read(
        host,
        r#"(call $buffer @"5+1" (i32.const 0) (i32.const 5) (i32.const 1))
           (call $buffer @"6+1" (i32.const 0) (i32.const 6) (i32.const 1))
           (call $buffer @"0xffffffff+0xffffffff" (i32.const 0) (i32.const -1) (i32.const -1))
           (call $buffer @"2+0" (i32.const 0) (i32.const 2) (i32.const 0))
           (call $buffer @"2+2" (i32.const 0) (i32.const 2) (i32.const 2))
           (call $buffer @"2+100" (i32.const 0) (i32.const 2) (i32.const 100))"#,
    )
}

fn everything(host: &Host) -> String {
    read(
        host,
        r#"(call $buffer @"0+0x7fffffff" (i32.const 0) (i32.const 0) (i32.const 0x7fffffff))
           (call $buffer @"0+0xffffffff" (i32.const 0) (i32.const 0) (i32.const -1))"#,
    )
}

fn flags(host: &Host) -> String {
    let flags = |kinds: &[u32]| -> String {
        let one = |kind| {
            format!(
                r#"(i32.store (i32.const 0x204) (i32.const 77))
                   (call $report @"{kind}"
                     (call $proxy_get_buffer_status (i32.const {kind})
                       (i32.const 0x200) (i32.const 0x204)))
                   (call $report @"size" (i32.load (i32.const 0x200)))
                   (call $report @"flags" (i32.load (i32.const 0x204)))"#
            )
        };
        kinds.iter().map(one).collect()
    };
    let text = guest(
        &[
            STREAM.to_owned(),
            on_configure(&(flags(&[6, 7]) + r#"(call $say @"configured")"#), 1),
            on_request_headers(&wait_for_call(), 1),
            on_http_call_response(&(flags(&[4]) + &resume(0))),
            on_request_body(&flags(&[0, 2, 3, 5, 8]), 0),
            on_response_body(&flags(&[1]), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let plugin = Plugin::wat(text)
        .configuration("plugin")
        .vm_configuration("vm");
    let proxy = host.serve(&Setup::http(plugin));
    let configured = proxy.wait_for("configured").join(", ");
    proxy.origin().answer("/", Answer::text("response"));
    assert_eq!(proxy.post("/").body("hello").send().status, 200);
    let reports = reports(&proxy);
    let rest = from_last(&reports, "configured, ").trim_start_matches("configured, ");
    format!("{configured}, {rest}")
}

fn not_found(host: &Host) -> String {
    let body = each(&[4, 7]);
    let text = guest(
        &[
            EACH.to_owned(),
            on_context_create(&format!(
                r#"(if (local.get $parent)
                     (then (call $say @"stream create:"))
                     (else (call $say @"root create:")))
                   {body}"#
            )),
            on_vm_start(&format!(r#"(call $say @"start:") {body}"#), 1),
            on_configure(&format!(r#"(call $say @"configure:") {body}"#), 1),
            on_request_headers(&format!(r#"(call $say @"headers:") {body}"#), 0),
            on_response_headers(&format!(r#"(call $say @"response:") {body}"#), 0),
            on_log(&format!(r#"(call $say @"log:") {body} (call $say @"end")"#)),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text).configuration("plugin")));
    assert_eq!(proxy.get("/").send().status, 200);
    let reports = reports(&proxy);
    from_last(&reports, "root create:").to_owned()
}

fn body_in_headers(host: &Host) -> String {
    let body = each(&[0, 1, 2, 3, 5, 8]);
    let text = guest(
        &[
            EACH.to_owned(),
            on_request_headers(&format!(r#"(call $say @"request:") {body}"#), 0),
            on_response_headers(
                &format!(r#"(call $say @"response:") {body} (call $say @"end")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.post("/").body("hello").send().status, 200);
    let upstream = proxy.origin().only_request();
    format!("{}, upstream: {}", reports(&proxy), upstream.text())
}
