//! Each of Envoy's foreign functions, on both proxies: what it returns, and what it refuses.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be shown fails the test"
)]

mod expressions;
mod filter_state;
mod signatures;
mod streams;

use std::fmt::Write as _;

use tollgate_conformance::guest::{guest, on_configure, on_request_headers};
use tollgate_conformance::{Host, Plugin, Setup, Statement, Verdict};

/// Checks on both proxies what `run` observes.
fn both(id: &'static str, expected: &'static str, run: fn(&Host) -> String) {
    let statement = Statement {
        id,
        text: "A foreign function does as Envoy's.",
        verdict: Verdict::Same(expected),
        note: None,
        run,
    };
    if let Err(difference) = statement.check() {
        panic!("{difference}");
    }
}

/// What a guest reports that does this when it is configured, and this for a request.
fn observed(host: &Host, configure: &str, request: &str) -> String {
    let fields = on_configure(configure, 1) + &on_request_headers(request, 0);
    let plugin = Plugin::wat(guest(&fields));
    let proxy = host.serve(&Setup::http(plugin));
    let answer = proxy
        .get("/some/path?q=1")
        .header("x-a", "b")
        .header("x-c", "d")
        .send();
    assert_eq!(answer.status, 200);
    // At its start Envoy configures guests several times.
    let reports = proxy.reports();
    let last = reports.iter().rposition(|report| report == "request=1");
    let (configured, requested) = reports.split_at(last.unwrap_or_default());
    let configured = tollgate_conformance::unrepeated(configured);
    [configured.as_slice(), requested]
        .concat()
        .into_iter()
        .filter(|report| report != "request=1")
        .collect::<Vec<_>>()
        .join("\n")
}

/// As [`observed`], for a guest that waits for the request.
fn requested(host: &Host, body: &str) -> String {
    observed(host, "", &format!("{REQUEST} {body}"))
}

/// Marks where a request's reports begin.
const REQUEST: &str = r#"(call $report @"request" (i32.const 1))"#;

/// Calls a function and reports its status and, if it is Ok, its result.
fn call(label: &str, name: &str, arguments: &[u8]) -> String {
    call_with(label, name, &format!("@\"{}\"", escaped(arguments)))
}

/// As [`call`], with arguments that are address and size in WebAssembly text.
fn call_with(label: &str, name: &str, arguments: &str) -> String {
    format!(
        r#"(call $answer @"{label}" (call $proxy_call_foreign_function @"{name}" {arguments}
             (i32.const 0x100) (i32.const 0x104)))"#
    )
}

/// The last result as arguments.
const RESULT: &str = "(i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))";

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").expect("text takes text");
        text
    })
}

/// A field of a protobuf message.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![tag << 3 | 2];
    let mut size = bytes.len();
    while size > 0x7f {
        field.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
        size >>= 7;
    }
    field.push(u8::try_from(size).expect("seven bits"));
    field.extend_from_slice(bytes);
    field
}

/// A number's field of a protobuf message.
fn number(tag: u8, value: u8) -> Vec<u8> {
    vec![tag << 3, value]
}
