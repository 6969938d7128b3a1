//! Foreign functions.

use super::on_request;
use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "SM-19",
        text: "An unknown foreign function is NotFound; what compress returns, uncompress turns \
               back; what is no zlib stream is SerializationFailure.",
        verdict: Verdict::Same(
            r#"unknown=1, compress=0, uncompress=0 "text text text", garbage=3"#,
        ),
        note: None,
        run: compression,
    },
    Statement {
        id: "SM-20",
        text: "A foreign function whose result is not wanted calls no allocator.",
        verdict: Verdict::Same("compress=0"),
        note: None,
        run: unwanted,
    },
    Statement {
        id: "SM-21",
        text: "A token of an expression has four bytes, otherwise it is BadArgument; an unknown \
               one is NotFound.",
        verdict: Verdict::Same("three bytes=2, unknown=1"),
        note: None,
        run: tokens,
    },
];

/// Calls a function with these arguments, two values of WebAssembly text.
fn call(name: &str, arguments: &str) -> String {
    format!(
        r#"(call $proxy_call_foreign_function @"{name}" {arguments}
             (i32.const 0x100) (i32.const 0x104))"#
    )
}

fn compression(host: &Host) -> String {
    let result = "(i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))";
    let body = [
        format!(
            r#"(call $report @"unknown" {})"#,
            call("no such function", r#"@"""#)
        ),
        format!(
            r#"(call $report @"compress" {})"#,
            call("compress", r#"@"text text text""#)
        ),
        format!(
            r#"(call $answer @"uncompress" {})"#,
            call("uncompress", result)
        ),
        format!(
            r#"(call $report @"garbage" {})"#,
            call("uncompress", r#"@"text""#)
        ),
    ];
    on_request(host, &body.concat())
}

fn unwanted(host: &Host) -> String {
    let body = r#"(call $report @"compress" (call $proxy_call_foreign_function
        @"compress" @"text" (i32.const 0) (i32.const 0)))"#;
    let malloc = r#"(func (export "malloc") (param $size i32) (result i32)
        (call $report @"malloc" (local.get $size)) (i32.const 0x10000))"#;
    let fields = malloc.to_owned() + &on_request_headers(body, 0);
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}

fn tokens(host: &Host) -> String {
    let body = [
        format!(
            r#"(call $report @"three bytes" {})"#,
            call("expr_evaluate", r#"@"abc""#)
        ),
        format!(
            r#"(call $report @"unknown" {})"#,
            call("expr_evaluate", r#"@"abcd""#)
        ),
    ];
    on_request(host, &body.concat())
}
