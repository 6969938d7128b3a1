//! How far a crash reaches.

use std::collections::BTreeSet;

use tollgate_integration_tests::client::{Body, Gate};
use tollgate_integration_tests::origin::Answer;

use crate::guest::{guest, on_delete, on_done, on_log, on_tick};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

use super::policy::crash;
use super::{REPLACED, crashing};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "FA-07",
        text: "a crash on one worker leaves the plugin on the others alone",
        verdict: Verdict::Differs {
            envoy: "503 \"\", then 200 and 503",
            tollgate: "503 \"\", then 200",
            reason: REPLACED,
        },
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(crashing("")).concurrency(2));
            let crashed = crash(&proxy);
            let mut seen = BTreeSet::new();
            // Each request has a connection of its own; the kernel gives it to one of the two.
            for _ in 0..200 {
                seen.insert(proxy.get("/").send().status.to_string());
                if seen.len() == 2 {
                    break;
                }
            }
            let seen: Vec<_> = seen.into_iter().collect();
            format!("{crashed}, then {}", seen.join(" and "))
        },
    },
    Statement {
        id: "FA-08",
        text: "a stream in flight on a VM that crashes is answered 503 when its response arrives",
        verdict: Verdict::Same("503 \"\", in flight: 503 \"\""),
        note: None,
        run: in_flight,
    },
    Statement {
        id: "FA-09",
        text: "after a crash neither log nor done nor delete is called",
        verdict: Verdict::Same("503 \"\", called=2"),
        note: None,
        run: |host| {
            let fields = on_log(r#"(call $say @"log")"#)
                + &on_done(r#"(call $say @"done")"#, 1)
                + &on_delete(r#"(call $say @"delete")"#);
            let mut proxy = host.serve(&Setup::http(crashing(&fields)));
            let crashed = crash(&proxy);
            let reports = proxy.reports();
            proxy.end();
            // Only the VM of Envoy's main thread, which serves nothing, is left to end in order.
            let farewells = proxy.reports().len() - reports.len();
            assert!(farewells <= 2, "{:?}", proxy.reports());
            format!("{crashed}, {}", reports.join(" "))
        },
    },
    Statement {
        id: "FA-15",
        text: "a crash in a tick fails the VM, so that the next request is answered 503",
        verdict: Verdict::Differs {
            envoy: "200, tick, 503",
            tollgate: "200, tick, 200",
            reason: REPLACED,
        },
        note: None,
        run: |host| {
            // The request itself is over by then.
            let log = "(drop (call $proxy_set_tick_period_milliseconds (i32.const 5)))";
            let tick = r#"(call $say @"tick") (unreachable)"#;
            let fields = on_log(log) + &on_tick(tick);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            let before = proxy.get("/").send().status;
            let ticks = proxy.wait_for("tick").join(" ");
            let after = proxy.get("/").send().status;
            format!("{before}, {ticks}, {after}")
        },
    },
];

fn in_flight(host: &Host) -> String {
    let proxy = host.serve(&Setup::http(crashing("")));
    let gate = Gate::closed();
    let body = Body::chunks().chunk("begun").wait(&gate).chunk("ended");
    let slow = proxy.post("/slow").stream(body).start();
    proxy.origin().answer("/slow", Answer::text("late"));
    drop(proxy.wait_for("called=2"));
    let crashed = crash(&proxy);
    gate.open();
    let answer = slow.finish();
    format!(
        "{crashed}, in flight: {} {:?}",
        answer.status,
        answer.text()
    )
}
