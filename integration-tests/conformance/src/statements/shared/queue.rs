//! Shared queues.

use super::on_request;
use crate::guest::{callback, guest, on_configure, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "SM-06",
        text: "A queue that is registered again keeps its token and its items.",
        verdict: Verdict::Same(r#"register=0, enqueue=0, again=0, same=1, dequeue=0 "kept""#),
        note: None,
        run: register_twice,
    },
    Statement {
        id: "SM-07",
        text: "A queue that is not registered cannot be resolved; an empty vm_id is the VM's own.",
        verdict: Verdict::Same("unknown=1, register=0, own=0, same=1, named=0, same=1, other=1"),
        note: None,
        run: resolve,
    },
    Statement {
        id: "SM-08",
        text: "Items come out in the order in which they went in; an empty queue is Empty, an \
               unknown token NotFound.",
        verdict: Verdict::Same(
            r#"unknown=1, register=0, dequeue=7, enqueue=0, enqueue=0, dequeue=0 "a", dequeue=0 "b", dequeue=7"#,
        ),
        note: None,
        run: order,
    },
    Statement {
        id: "SM-09",
        text: "Each item that is added is one proxy_on_queue_ready, with root and token, for the \
               plugin that has registered the queue.",
        verdict: Verdict::Same(
            r#"enqueue=0, enqueue=0, root=1, token=1, dequeue=0 "a", root=1, token=1, dequeue=0 "b""#,
        ),
        note: None,
        run: ready,
    },
    Statement {
        id: "SM-10",
        text: "Nothing can be added under a token that no queue has.",
        verdict: Verdict::Same("enqueue=1"),
        note: None,
        run: |host| on_request(host, &format!("{NO_TOKEN} {}", enqueue("a"))),
    },
];

/// The token that the functions here use, at 0x300, is none.
const NO_TOKEN: &str = "(i32.store (i32.const 0x300) (i32.const 4711))";

const REGISTER: &str =
    r#"(call $report @"register" (call $proxy_register_shared_queue @"q" (i32.const 0x300)))"#;

fn enqueue(item: &str) -> String {
    format!(
        r#"(call $report @"enqueue" (call $proxy_enqueue_shared_queue
             (i32.load (i32.const 0x300)) @"{item}"))"#
    )
}

fn dequeue(label: &str) -> String {
    format!(
        r#"(call $answer @"{label}" (call $proxy_dequeue_shared_queue
             (i32.load (i32.const 0x300)) (i32.const 0x100) (i32.const 0x104)))"#
    )
}

/// Resolves the queue and says, if that works, whether the token is the known one.
fn resolved(label: &str, vm_id: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x304) (call $proxy_resolve_shared_queue @"{vm_id}" @"q" (i32.const 0x308)))
           (call $report @"{label}" (i32.load (i32.const 0x304)))
           (if (i32.eqz (i32.load (i32.const 0x304))) (then
             (call $report @"same"
               (i32.eq (i32.load (i32.const 0x300)) (i32.load (i32.const 0x308))))))"#
    )
}

fn register_twice(host: &Host) -> String {
    let again = r#"(call $report @"again" (call $proxy_register_shared_queue @"q" (i32.const 0x308)))
        (call $report @"same" (i32.eq (i32.load (i32.const 0x300)) (i32.load (i32.const 0x308))))"#;
    let body = [REGISTER, &enqueue("kept"), again, &dequeue("dequeue")];
    on_request(host, &body.concat())
}

fn resolve(host: &Host) -> String {
    let body = [
        &resolved("unknown", ""),
        REGISTER,
        &resolved("own", ""),
        &resolved("named", "vm"),
        &resolved("other", "elsewhere"),
    ];
    on_request(host, &body.concat())
}

fn order(host: &Host) -> String {
    let taken = dequeue("dequeue");
    let body = [
        NO_TOKEN,
        &dequeue("unknown"),
        REGISTER,
        &taken,
        &enqueue("a"),
        &enqueue("b"),
        &taken,
        &taken,
        &taken,
    ];
    on_request(host, &body.concat())
}

fn ready(host: &Host) -> String {
    let configure = r#"(global.set $own_root (local.get $root))
        (drop (call $proxy_register_shared_queue @"q" (i32.const 0x300)))"#;
    let on_queue_ready = [
        r#"(call $report @"root" (i32.eq (local.get $root) (global.get $own_root)))
           (call $report @"token" (i32.eq (local.get $token) (i32.load (i32.const 0x300))))"#,
        &dequeue("dequeue"),
    ];
    let fields = [
        "(global $own_root (mut i32) (i32.const 0))".to_owned(),
        on_configure(configure, 1),
        on_request_headers(&[enqueue("a"), enqueue("b")].concat(), 0),
        callback(
            "proxy_on_queue_ready",
            &["root", "token"],
            None,
            &on_queue_ready.concat(),
        ),
    ];
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields.concat()))));
    assert_eq!(proxy.get("/").send().status, 200);
    let reports = proxy.wait_for_nth("dequeue=", 2);
    // The news may overtake the request's own lines where another thread brings them.
    let (sent, told): (Vec<_>, Vec<_>) = reports
        .into_iter()
        .partition(|report| report.starts_with("enqueue="));
    [sent, told].concat().join(", ")
}
