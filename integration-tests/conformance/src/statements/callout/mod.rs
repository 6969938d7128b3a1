//! Calls that guests make to upstreams over HTTP and gRPC.

mod grpc_call;
mod grpc_stream;
mod http_call;
mod http_response;

use std::fmt::Write as _;

use crate::guest::callback;
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    http_call::STATEMENTS,
    http_response::STATEMENTS,
    grpc_call::STATEMENTS,
    grpc_stream::STATEMENTS,
];

/// Starts a guest with HTTP calls or gRPC calls.
fn serve(host: &Host, fields: &str) -> Running {
    host.serve(&Setup::http(Plugin::wat(crate::guest::guest(fields))))
}

/// A serialized map, as address and size.
fn pairs(entries: &[(&str, &str)]) -> String {
    let word = |length: usize| u32::try_from(length).expect("a short text").to_le_bytes();
    let mut bytes = word(entries.len()).to_vec();
    for (name, value) in entries {
        bytes.extend_from_slice(&word(name.len()));
        bytes.extend_from_slice(&word(value.len()));
    }
    for (name, value) in entries {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    string(&bytes)
}

/// Bytes as a string of a guest.
fn string(bytes: &[u8]) -> String {
    let mut text = "@\"".to_owned();
    for byte in bytes {
        write!(text, "\\{byte:02x}").expect("text takes text");
    }
    text + "\""
}

/// The headers of a GET request.
fn get(path: &str) -> String {
    pairs(&[
        (":method", "GET"),
        (":path", path),
        (":authority", "a.test"),
    ])
}

/// Makes an HTTP call and reports its status and token; the token was 77 before.
fn http_call(upstream: &str, headers: &str, timeout: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x400) (i32.const 77))
    (call $report @"call" (call $proxy_http_call @"{upstream}" {headers} (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const {timeout}) (i32.const 0x400)))
    (call $report @"token" (i32.load (i32.const 0x400)))
    "#
    )
}

/// Calls a gRPC method on an upstream, given as address and size, and reports status and token.
fn grpc_call(upstream: &str, method: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x400) (i32.const 77))
    (call $report @"call" (call $proxy_grpc_call {upstream} @"a.Service" @"{method}"
      {metadata} @"ping" (i32.const 5000) (i32.const 0x400)))
    (call $report @"token" (i32.load (i32.const 0x400)))
    "#,
        metadata = pairs(&[("X-Key", "v"), ("k-bin", "\0\u{1}")]),
    )
}

/// Opens a gRPC stream on the cluster `http2` and reports status and token.
fn grpc_stream(method: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x400) (i32.const 77))
    (call $report @"stream" (call $proxy_grpc_stream @"http2" @"a.Service" @"{method}"
      (i32.const 0) (i32.const 0) (i32.const 0x400)))
    (call $report @"token" (i32.load (i32.const 0x400)))
    "#
    )
}

fn grpc_send(token: u32, message: &str, end: u32) -> String {
    format!(
        r#"(call $report @"send" (call $proxy_grpc_send (i32.const {token}) @"{message}"
      (i32.const {end})))
    "#
    )
}

fn grpc_close(token: u32) -> String {
    format!("(call $report @\"close\" (call $proxy_grpc_close (i32.const {token})))\n    ")
}

fn grpc_cancel(token: u32) -> String {
    format!("(call $report @\"cancel\" (call $proxy_grpc_cancel (i32.const {token})))\n    ")
}

/// Reports what `proxy_get_status` says.
const STATUS: &str = r#"
  (func $last_status
    (call $answer @"message" (call $proxy_get_status (i32.const 0x404) (i32.const 0x100)
      (i32.const 0x104)))
    (call $report @"code" (i32.load (i32.const 0x404))))
"#;

/// All callbacks of gRPC, each with its name, its token and what it delivers.
fn grpc_events() -> String {
    let event = |name: &str, last: &str, body: &str| {
        let label = name.trim_start_matches("proxy_on_grpc_");
        let body = format!("(call $report @\"{label}\" (local.get $token)) {body}");
        callback(name, &["root", "token", last], None, &body)
    };
    [
        event(
            "proxy_on_grpc_receive_initial_metadata",
            "count",
            r#"(call $get @"metadata" (i32.const 4) @"x-init")"#,
        ),
        event(
            "proxy_on_grpc_receive",
            "size",
            r#"(call $buffer @"received" (i32.const 5) (i32.const 0) (local.get $size))"#,
        ),
        event(
            "proxy_on_grpc_receive_trailing_metadata",
            "count",
            r#"(call $get @"metadata" (i32.const 5) @"grpc-status")"#,
        ),
        event(
            "proxy_on_grpc_close",
            "status",
            r#"(call $report @"status" (local.get $status)) (call $last_status)"#,
        ),
        STATUS.to_owned(),
    ]
    .concat()
}

/// Sends a request through the guest and waits for a report; returns all reports up to it.
fn reports_until(proxy: &Running, last: &str) -> String {
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.wait_for(last).join(", ")
}
