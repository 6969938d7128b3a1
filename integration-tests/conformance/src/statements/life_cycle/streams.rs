//! How streams end, and when what was asked for happens.

use tollgate_integration_tests::client::{Body, Gate};

use crate::guest::{
    guest, on_context_create, on_delete, on_done, on_log, on_request_headers, on_response_headers,
    on_tick,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LC-10",
        text: "an HTTP stream ends with log, done and delete, once each",
        verdict: Verdict::Same("headers=2 log=2 done=2 delete=2"),
        note: Some("the specification has done before log"),
        run: |host| {
            let proxy = host.serve(&Setup::http(ending(1)));
            drop(proxy.get("/").send());
            drop(proxy.wait_for("delete="));
            proxy.reports().join(" ")
        },
    },
    Statement {
        id: "LC-11",
        text: "a stream is deleted although its done returns 0",
        verdict: Verdict::Same("headers=2 log=2 done=2 delete=2"),
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(ending(0)));
            drop(proxy.get("/").send());
            proxy.wait_for("delete=").join(" ")
        },
    },
    Statement {
        id: "LC-12",
        text: "a stream whose client leaves ends with log, done and delete too",
        verdict: Verdict::Same("headers=2 log=2 done=2 delete=2"),
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(ending(1)));
            let gate = Gate::closed();
            let body = Body::chunks().chunk("part").wait(&gate).chunk("never");
            let pending = proxy.post("/").stream(body).start();
            drop(proxy.wait_for("headers="));
            pending.abandon();
            proxy.wait_for("delete=").join(" ")
        },
    },
    Statement {
        id: "LC-13",
        text: "a plugin that a request never reached hears create, log, done and delete only",
        verdict: Verdict::Same("403: create=2 log=2 done=2 delete=2"),
        note: None,
        run: |host| {
            let refuse = r#"(drop (call $proxy_send_local_response (i32.const 403)
      @"" @"" (i32.const 0) (i32.const 0) (i32.const -1)))"#;
            let first = Plugin::wat(guest(&on_request_headers(refuse, 0)));
            let create = r#"(if (local.get $parent) (then
      (call $report @"create" (local.get $id))))"#;
            let second = on_context_create(create)
                + &ending_fields(1)
                + &on_response_headers(r#"(call $say @"response")"#, 0);
            let proxy = host.serve(&Setup::http([first, Plugin::wat(guest(&second))]));
            let status = proxy.get("/").send().status;
            format!("{status}: {}", proxy.wait_for("delete=").join(" "))
        },
    },
    Statement {
        id: "LC-23",
        text: "what a guest asks of a stream happens after the callback has returned",
        verdict: Verdict::Same("403: reply=0 more response, 200: continue=0 more next"),
        note: None,
        run: |host| format!("{}, {}", late_reply(host), late_continue(host)),
    },
];

/// Reports the life of streams, not that of the root, whose id is 1.
fn ending_fields(done: i32) -> String {
    let report = |label: &str| {
        format!(
            r#"(if (i32.ne (local.get $id) (i32.const 1)) (then
      (call $report @"{label}" (local.get $id))))"#
        )
    };
    on_request_headers(&report("headers"), 0)
        + &on_log(&report("log"))
        + &on_done(&report("done"), done)
        + &on_delete(&report("delete"))
}

fn ending(done: i32) -> Plugin {
    Plugin::wat(guest(&ending_fields(done)))
}

fn late_reply(host: &Host) -> String {
    let reply = r#"(call $report @"reply" (call $proxy_send_local_response (i32.const 403)
      @"" @"" (i32.const 0) (i32.const 0) (i32.const -1)))
    (call $say @"more")"#;
    let fields =
        on_request_headers(reply, 0) + &on_response_headers(r#"(call $say @"response")"#, 0);
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
    let status = proxy.get("/").send().status;
    format!("{status}: {}", proxy.reports().join(" "))
}

/// The first plugin pauses and goes on in its next tick; the second hears of the request then.
fn late_continue(host: &Host) -> String {
    let pause = "(global.set $stream (local.get $id))
    (drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))";
    let resume = r#"(drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))
    (drop (call $proxy_set_effective_context (global.get $stream)))
    (call $report @"continue" (call $proxy_continue_stream (i32.const 0)))
    (call $say @"more")"#;
    let first = String::from("(global $stream (mut i32) (i32.const 0))\n")
        + &on_request_headers(pause, 1)
        + &on_tick(resume);
    let second = on_request_headers(r#"(call $say @"next")"#, 0);
    let plugins = [Plugin::wat(guest(&first)), Plugin::wat(guest(&second))];
    let proxy = host.serve(&Setup::http(plugins));
    let status = proxy.get("/").send().status;
    format!("{status}: {}", proxy.reports().join(" "))
}
