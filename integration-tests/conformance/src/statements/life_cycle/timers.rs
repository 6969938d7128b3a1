//! Ticks.

use std::collections::BTreeSet;

use crate::guest::{guest, on_configure, on_request_headers, on_tick};
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LC-21",
        text: "a period set in configure makes the root tick, and period 0 stops it",
        verdict: Verdict::Same("root=1 tick=1 tick=2 tick=3"),
        note: None,
        run: |host| {
            // The second plugin, in a VM of its own, tells the time after the first has stopped.
            let plugins = [ticking(3).root_id("a"), ticking(40).root_id("b").vm_id("b")];
            let proxy = host.serve(&Setup::http(plugins));
            drop(proxy.wait_for("tick=40"));
            let seen: BTreeSet<_> = proxy.reports_of("a").into_iter().collect();
            seen.into_iter().collect::<Vec<_>>().join(" ")
        },
    },
    Statement {
        id: "LC-22",
        text: "a period that a stream sets makes its root tick",
        verdict: Verdict::Same("stream=2 root=1 tick=1"),
        note: None,
        run: |host| {
            let headers = r#"(call $report @"stream" (local.get $id))
    (drop (call $proxy_set_tick_period_milliseconds (i32.const 5)))"#;
            let fields = ticks(1) + &on_request_headers(headers, 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            drop(proxy.get("/").send());
            proxy.wait_for("tick=1").join(" ")
        },
    },
];

/// Reports so many ticks and stops.
fn ticks(count: i32) -> String {
    let body = format!(
        r#"(global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    (if (i32.eq (global.get $ticks) (i32.const 1))
      (then (call $report @"root" (local.get $root))))
    (call $report @"tick" (global.get $ticks))
    (if (i32.eq (global.get $ticks) (i32.const {count}))
      (then (drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))))"#
    );
    String::from("(global $ticks (mut i32) (i32.const 0))\n") + &on_tick(&body)
}

fn ticking(count: i32) -> Plugin {
    let start = "(drop (call $proxy_set_tick_period_milliseconds (i32.const 5)))";
    Plugin::wat(guest(&(ticks(count) + &on_configure(start, 1))))
}
