//! Guests: WebAssembly text with the imports it needs, a memory, an allocator and ways to report.
//!
//! In the text of a guest `@"some text"` stands for the address and the size of a string. Each
//! `$proxy_…`, WASI and toolchain function that the text names is imported. These functions are at
//! hand; each writes one log line:
//!
//! | call | log line |
//! |---|---|
//! | `(call $say @"text")` | `text` |
//! | `(call $report @"label" (i32))` | `label=5` |
//! | `(call $report64 @"label" (i64))` | `label=5` |
//! | `(call $show @"label" (ptr) (size))` | `label=bytes`, escaped |
//! | `(call $show_result @"label")` | the same of the bytes that a call has returned |
//! | `(call $get @"label" (map) @"key")` | `label=1`, or `label=0 "value"` |
//! | `(call $property @"label" @"a\00b")` | the same |
//! | `(call $buffer @"label" (type) (start) (size))` | the same |
//! | `(call $pairs @"label" (map))` | `label=0 {key: value, key: value}` |
//! | `(call $set (map) @"key" @"value")` | none: replaces a header |
//!
//! Memory: what calls return lies at 0x100 (address) and 0x104 (size); 0x200 to 0xfff belong to the
//! guest; strings begin at 0x1000; lines are built at 0x8000; the heap begins at 0x10000.

mod imports;
mod prelude;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(crate) use imports::wasi;

/// Makes a module of ABI 0.2.1 from fields in WebAssembly text.
#[must_use]
pub fn guest(fields: &str) -> String {
    guest_of("0_2_1", fields)
}

/// Makes a module of an ABI version, such as `0_1_0`. What the fields define themselves, such as
/// `malloc` or a memory, is not added.
#[must_use]
pub fn guest_of(abi: &str, fields: &str) -> String {
    let prelude = prelude::for_fields(fields);
    let body = format!("{fields}\n  (func (export \"proxy_abi_version_{abi}\"))\n{prelude}");
    let named: BTreeSet<_> = identifiers(&body).collect();
    let imports: String = named
        .into_iter()
        .filter(|name| !body.contains(&format!("(func ${name} ")))
        .map(imports::import)
        .collect();
    raw(&format!("(module\n{imports}{body})"))
}

/// Adds nothing to a whole module but the strings.
#[must_use]
pub fn raw(module: &str) -> String {
    text::expand(module)
}

/// A callback with its parameters' names and its result, if it has one.
///
/// `callback("proxy_on_done", &["id"], Some(1), "...")` exports `proxy_on_done`.
#[must_use]
pub fn callback(name: &str, parameters: &[&str], result: Option<i32>, body: &str) -> String {
    let mut text = format!("  (func (export \"{name}\")");
    for parameter in parameters {
        write!(text, " (param ${parameter} i32)").expect("text takes text");
    }
    if result.is_some() {
        text.push_str(" (result i32)");
    }
    write!(text, "\n    {body}").expect("text takes text");
    if let Some(result) = result {
        write!(text, "\n    (i32.const {result})").expect("text takes text");
    }
    text + ")\n"
}

/// `proxy_on_vm_start` with `$root` and `$size`.
#[must_use]
pub fn on_vm_start(body: &str, result: i32) -> String {
    callback("proxy_on_vm_start", &["root", "size"], Some(result), body)
}

/// `proxy_on_configure` with `$root` and `$size`.
#[must_use]
pub fn on_configure(body: &str, result: i32) -> String {
    callback("proxy_on_configure", &["root", "size"], Some(result), body)
}

/// `proxy_on_context_create` with `$id` and `$parent`, which is 0 for a root.
#[must_use]
pub fn on_context_create(body: &str) -> String {
    callback("proxy_on_context_create", &["id", "parent"], None, body)
}

/// `proxy_on_tick` with `$root`.
#[must_use]
pub fn on_tick(body: &str) -> String {
    callback("proxy_on_tick", &["root"], None, body)
}

/// `proxy_on_request_headers` with `$id`, `$count` and `$end`.
#[must_use]
pub fn on_request_headers(body: &str, action: i32) -> String {
    stream("proxy_on_request_headers", "count", body, action)
}

/// `proxy_on_request_body` with `$id`, `$size` and `$end`.
#[must_use]
pub fn on_request_body(body: &str, action: i32) -> String {
    stream("proxy_on_request_body", "size", body, action)
}

/// `proxy_on_request_trailers` with `$id` and `$count`.
#[must_use]
pub fn on_request_trailers(body: &str, action: i32) -> String {
    let name = "proxy_on_request_trailers";
    callback(name, &["id", "count"], Some(action), body)
}

/// `proxy_on_response_headers` with `$id`, `$count` and `$end`.
#[must_use]
pub fn on_response_headers(body: &str, action: i32) -> String {
    stream("proxy_on_response_headers", "count", body, action)
}

/// `proxy_on_response_body` with `$id`, `$size` and `$end`.
#[must_use]
pub fn on_response_body(body: &str, action: i32) -> String {
    stream("proxy_on_response_body", "size", body, action)
}

/// `proxy_on_response_trailers` with `$id` and `$count`.
#[must_use]
pub fn on_response_trailers(body: &str, action: i32) -> String {
    let name = "proxy_on_response_trailers";
    callback(name, &["id", "count"], Some(action), body)
}

/// `proxy_on_http_call_response` with `$root`, `$token`, `$headers`, `$size` and `$trailers`.
#[must_use]
pub fn on_http_call_response(body: &str) -> String {
    let parameters = ["root", "token", "headers", "size", "trailers"];
    callback("proxy_on_http_call_response", &parameters, None, body)
}

/// `proxy_on_log` with `$id`.
#[must_use]
pub fn on_log(body: &str) -> String {
    callback("proxy_on_log", &["id"], None, body)
}

/// `proxy_on_done` with `$id`.
#[must_use]
pub fn on_done(body: &str, result: i32) -> String {
    callback("proxy_on_done", &["id"], Some(result), body)
}

/// `proxy_on_delete` with `$id`.
#[must_use]
pub fn on_delete(body: &str) -> String {
    callback("proxy_on_delete", &["id"], None, body)
}

fn stream(name: &str, second: &str, body: &str, action: i32) -> String {
    callback(name, &["id", second, "end"], Some(action), body)
}

/// All `$names` in a text.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        rest.split_at(end).0
    })
}
