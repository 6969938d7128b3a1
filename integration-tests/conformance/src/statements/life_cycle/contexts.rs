//! Which contexts there are, in which VM, and acting as another one.

use crate::guest::{
    guest, on_context_create, on_request_headers, on_response_headers, on_vm_start,
};
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LC-07",
        text: "two plugins with the same VM id, code and VM configuration share a VM that is started for each",
        verdict: Verdict::Same("id=3 root=1 starts=2 streams=1 id=4 root=2 starts=2 streams=2"),
        note: None,
        run: |host| {
            let plugins = [sharing("a").vm_id("vm"), sharing("b").vm_id("vm")];
            let proxy = host.serve(&Setup::http(plugins));
            drop(proxy.get("/").send());
            proxy.reports().join(" ")
        },
    },
    Statement {
        id: "LC-08",
        text: "another VM id, VM configuration or code makes another VM",
        verdict: Verdict::Same(
            "id=2 root=1 starts=1 streams=1 id=2 root=1 starts=1 streams=1 \
             id=2 root=1 starts=1 streams=1 id=2 root=1 starts=1 streams=1",
        ),
        note: None,
        run: |host| {
            let other_code = Plugin::wat(guest(&format!("{}\n(func $more)", counting())));
            let plugins = [
                sharing("a").vm_id("vm"),
                sharing("b").vm_id("vm-2"),
                sharing("c").vm_id("vm").vm_configuration("more"),
                other_code.root_id("d").vm_id("vm"),
            ];
            let proxy = host.serve(&Setup::http(plugins));
            drop(proxy.get("/").send());
            proxy.reports().join(" ")
        },
    },
    Statement {
        id: "LC-09",
        text: "each stream has a new context id, and its parent is the root",
        verdict: Verdict::Same("create=2 parent=1 create=3 parent=1"),
        note: None,
        run: |host| {
            let body = r#"(if (i32.eqz (local.get $parent)) (then (return)))
    (call $report @"create" (local.get $id)) (call $report @"parent" (local.get $parent))"#;
            let fields = on_context_create(body) + &on_request_headers("", 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            drop(proxy.get("/").send());
            drop(proxy.get("/").send());
            proxy.reports().join(" ")
        },
    },
    Statement {
        id: "LC-18",
        text: "set_effective_context refuses an unknown id and takes 0, the own id and the root's",
        verdict: Verdict::Same("unknown=2 none=0 own=0 root=0"),
        note: None,
        run: |host| {
            let ask = |label: &str, id: &str| {
                format!(r#"(call $report @"{label}" (call $proxy_set_effective_context {id}))"#)
            };
            let body = ask("unknown", "(i32.const 999)")
                + &ask("none", "(i32.const 0)")
                + &ask("own", "(local.get $id)")
                + &ask("root", "(i32.const 1)");
            let fields = on_request_headers(&body, 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            drop(proxy.get("/").send());
            proxy.reports().join(" ")
        },
    },
    Statement {
        id: "LC-19",
        text: "the effective context ends with the callback",
        verdict: Verdict::Same("before=0 \"/path\" as_root=2 next=0 \"200\""),
        note: None,
        run: |host| {
            let body = r#"(call $get @"before" (i32.const 0) @":path")
    (drop (call $proxy_set_effective_context (i32.const 1)))
    (call $get @"as_root" (i32.const 0) @":path")"#;
            let fields = on_request_headers(body, 0)
                + &on_response_headers(r#"(call $get @"next" (i32.const 2) @":status")"#, 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            drop(proxy.get("/path").send());
            proxy.reports().join(" ")
        },
    },
];

/// Counts in globals, so that what shares a VM counts together.
fn counting() -> String {
    let create = r#"(if (local.get $parent) (then
      (call $report @"id" (local.get $id)) (call $report @"root" (local.get $parent))))"#;
    let start = "(global.set $starts (i32.add (global.get $starts) (i32.const 1)))";
    let headers = r#"(global.set $streams (i32.add (global.get $streams) (i32.const 1)))
    (call $report @"starts" (global.get $starts))
    (call $report @"streams" (global.get $streams))"#;
    String::from(
        "(global $starts (mut i32) (i32.const 0)) (global $streams (mut i32) (i32.const 0))\n",
    ) + &on_context_create(create)
        + &on_vm_start(start, 1)
        + &on_request_headers(headers, 0)
}

fn sharing(root: &str) -> Plugin {
    Plugin::wat(guest(&counting())).root_id(root)
}
