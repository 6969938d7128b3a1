//! How roots end.

use crate::guest::{guest, on_configure, on_delete, on_done, on_log};
use crate::plugin::Plugin;
use crate::running::unrepeated;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LC-14",
        text: "a root whose done returns 1 is deleted at once",
        verdict: Verdict::Same("done=1 delete=1"),
        note: None,
        run: |host| {
            let mut proxy = host.serve(&Setup::http(ending(1)));
            proxy.end();
            unrepeated(&proxy.reports()).join(" ")
        },
    },
    Statement {
        id: "LC-15",
        text: "a root whose done returns 0 is deleted after proxy_done, when that callback has returned",
        verdict: Verdict::Same("asked proxy_done=0 again=1 more deleted deleted"),
        note: Some(
            "here the second root to end says it for the first; \
             the runtime's test a_root_that_is_not_done_ends_after_it_has_said_so has a tick say it",
        ),
        run: |host| {
            let plugins = [waiting().root_id("a"), waiting().root_id("b")];
            let mut proxy = host.serve(&Setup::http(plugins.map(|plugin| plugin.vm_id("vm"))));
            proxy.end();
            unrepeated(&proxy.reports()).join(" ")
        },
    },
    Statement {
        id: "LC-16",
        text: "proxy_done is not found unless the root waits for it",
        verdict: Verdict::Same("proxy_done=1"),
        note: None,
        run: |host| {
            let body = r#"(call $report @"proxy_done" (call $proxy_done))"#;
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&on_configure(body, 1)))));
            unrepeated(&proxy.reports()).join(" ")
        },
    },
    Statement {
        id: "LC-17",
        text: "a root that ends does not hear log",
        verdict: Verdict::Same("done=1 delete=1"),
        note: None,
        run: |host| {
            let fields = ending_fields(1) + &on_log(r#"(call $report @"log" (local.get $id))"#);
            let mut proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            proxy.end();
            unrepeated(&proxy.reports()).join(" ")
        },
    },
];

fn ending_fields(done: i32) -> String {
    on_done(r#"(call $report @"done" (local.get $id))"#, done)
        + &on_delete(r#"(call $report @"delete" (local.get $id))"#)
}

fn ending(done: i32) -> Plugin {
    Plugin::wat(guest(&ending_fields(done)))
}

/// Of two roots in a VM the first to end waits, and the second calls `proxy_done` as the first.
fn waiting() -> Plugin {
    let done = r#"(if (i32.eqz (global.get $waiting))
      (then
        (call $say @"asked")
        (global.set $waiting (local.get $id))
        (return (i32.const 0))))
    (drop (call $proxy_set_effective_context (global.get $waiting)))
    (call $report @"proxy_done" (call $proxy_done))
    (call $report @"again" (call $proxy_done))
    (call $say @"more")"#;
    let fields = String::from("(global $waiting (mut i32) (i32.const 0))\n")
        + &on_done(done, 1)
        + &on_delete(r#"(call $say @"deleted")"#);
    Plugin::wat(guest(&fields))
}
