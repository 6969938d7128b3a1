//! What a plugin may not call, and what it is not called for.

use crate::guest::{guest, on_request_headers, on_response_headers};
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "FA-10",
        text: "a hostcall that is not among the capabilities returns 10",
        verdict: Verdict::Same("status 10, log []"),
        note: None,
        run: |host| {
            let log = r#"(call $proxy_log (i32.const 2) @"hello")"#;
            let proxy = host.serve(&Setup::http(restricted(log)));
            drop(proxy.get("/").send());
            format!("status {}, log {:?}", told(&proxy), proxy.reports())
        },
    },
    Statement {
        id: "FA-11",
        text: "a WASI function that is not among the capabilities returns 76",
        verdict: Verdict::Same("status 76, log []"),
        note: None,
        run: |host| {
            let write = r#"(call $fd_write (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 0x200))"#;
            let proxy = host.serve(&Setup::http(restricted(write)));
            drop(proxy.get("/").send());
            format!("status {}, log {:?}", told(&proxy), proxy.reports())
        },
    },
    Statement {
        id: "FA-12",
        text: "a callback that is not among the capabilities is not called and counts as Continue",
        verdict: Verdict::Same("200, response"),
        note: None,
        run: |host| {
            let fields = on_request_headers(r#"(call $say @"request")"#, 1)
                + &on_response_headers(r#"(call $say @"response")"#, 0);
            let plugin = Plugin::wat(guest(&fields));
            let plugin = plugin.capabilities(["proxy_log", "proxy_on_response_headers"]);
            let proxy = host.serve(&Setup::http(plugin));
            let status = proxy.get("/").send().status;
            format!("{status}, {}", proxy.reports().join(" "))
        },
    },
];

/// A guest that may not log: it tells the upstream what a call returns.
fn restricted(call: &str) -> Plugin {
    let body = format!(
        r#"(local $status i32)
    (local.set $status {call})
    (i32.store8 (i32.const 0x300)
      (i32.add (i32.const 48) (i32.div_u (local.get $status) (i32.const 10))))
    (i32.store8 (i32.const 0x301)
      (i32.add (i32.const 48) (i32.rem_u (local.get $status) (i32.const 10))))
    (drop (call $proxy_replace_header_map_value (i32.const 0) @"x-status"
      (i32.const 0x300) (i32.const 2)))"#
    );
    let plugin = Plugin::wat(guest(&on_request_headers(&body, 0)));
    plugin.capabilities(["proxy_replace_header_map_value", "proxy_on_request_headers"])
}

fn told(proxy: &crate::running::Running) -> String {
    let request = proxy.origin().only_request();
    request.header("x-status").unwrap_or("none").to_owned()
}
