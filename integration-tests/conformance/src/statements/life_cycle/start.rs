//! How a plugin starts.

use crate::guest::on_request_headers;
use crate::guest::{callback, guest, on_configure, on_context_create, on_vm_start};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::unrepeated;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LC-01",
        text: "a plugin hears context_create, then vm_start, then configure, with the sizes of the configurations",
        verdict: Verdict::Same("create=1 parent=0 vm_start=1 size=2 configure=1 size=6"),
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(order()));
            unrepeated(&proxy.reports()).join(" ")
        },
    },
    Statement {
        id: "LC-02",
        text: "the first parameter of vm_start is the root's id",
        verdict: Verdict::Same("created=1 started=1, created=2 started=2"),
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http([root_ids("a"), root_ids("b")]));
            let of = |root| unrepeated(&proxy.reports_of(root)).join(" ");
            // Each is tried in a VM of its own first; what it says last, it says where it serves.
            let last = |text: String| {
                let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
                words.split_at(words.len() - 2).1.join(" ")
            };
            drop(proxy.get("/").send());
            format!("{}, {}", last(of("a")), last(of("b")))
        },
    },
    Statement {
        id: "LC-03",
        text: "a plugin whose vm_start returns 0 is refused and not configured",
        verdict: Verdict::Same("refuses"),
        note: None,
        run: |host| {
            let fields = on_vm_start("", 0) + &on_configure(SAY_HELLO, 1);
            let setup = Setup::http(Plugin::wat(guest(&fields)));
            host.reaction(&setup, &["hello"])
        },
    },
    Statement {
        id: "LC-04",
        text: "a plugin whose configure returns 0 is refused",
        verdict: Verdict::Same("refuses: hello"),
        note: None,
        run: |host| {
            let setup = Setup::http(Plugin::wat(guest(&on_configure(SAY_HELLO, 0))));
            host.reaction(&setup, &["hello"])
        },
    },
    Statement {
        id: "LC-05",
        text: "a plugin without vm_start and configure is accepted",
        verdict: Verdict::Same("200, called"),
        note: None,
        run: |host| {
            let fields = on_request_headers("(call $say @\"called\")", 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            let status = proxy.get("/").send().status;
            format!("{status}, {}", proxy.reports().join(" "))
        },
    },
    Statement {
        id: "LC-06",
        text: "any result of vm_start and configure but 0 means true",
        verdict: Verdict::Same("serves"),
        note: None,
        run: |host| {
            let fields = on_vm_start("", 2) + &on_configure("", -1);
            host.reaction(&Setup::http(Plugin::wat(guest(&fields))), &[])
        },
    },
    Statement {
        id: "LC-24",
        text: "the VM configuration can be read in vm_start, configure and streams, the plugin's only in configure",
        verdict: Verdict::Same(
            "start6=0 \"vm\" start7=1 configure6=0 \"vm\" configure7=0 \"plugin\" \
             stream6=0 \"vm\" stream7=1",
        ),
        note: None,
        run: configurations,
    },
    Statement {
        id: "LC-25",
        text: "a root's context_create can read its plugin's name, root id and VM id",
        verdict: Verdict::Same("name=0 \"guest\" root=0 \"my-root\" vm=0 \"my-vm\""),
        note: None,
        run: |host| {
            let body = r#"(if (local.get $parent) (then (return)))
    (call $property @"name" @"plugin_name")
    (call $property @"root" @"plugin_root_id")
    (call $property @"vm" @"plugin_vm_id")"#;
            let plugin = Plugin::wat(guest(&on_context_create(body)));
            let proxy = host.serve(&Setup::http(plugin.root_id("my-root").vm_id("my-vm")));
            unrepeated(&proxy.reports()).join(" ")
        },
    },
];

/// At the level of errors, which a refusal shows.
const SAY_HELLO: &str = r#"(drop (call $proxy_log (i32.const 4) @"hello"))"#;

fn order() -> Plugin {
    let started = |name: &str| {
        format!(
            r#"(call $report @"{name}" (local.get $root)) (call $report @"size" (local.get $size))"#
        )
    };
    let created = r#"(call $report @"create" (local.get $id))
    (call $report @"parent" (local.get $parent))"#;
    let fields = on_context_create(created)
        + &on_vm_start(&started("vm_start"), 1)
        + &on_configure(&started("configure"), 1);
    Plugin::wat(guest(&fields))
        .vm_configuration("vm")
        .configuration("plugin")
}

fn root_ids(root: &str) -> Plugin {
    let created = r#"(call $report @"created" (local.get $id))"#;
    let started = r#"(call $report @"started" (local.get $root))"#;
    let create = format!("(if (i32.eqz (local.get $parent)) (then {created}))");
    let fields = on_context_create(&create) + &on_vm_start(started, 1);
    Plugin::wat(guest(&fields)).root_id(root)
}

fn configurations(host: &Host) -> String {
    let read = |when: &str| {
        format!(
            r#"(call $buffer @"{when}6" (i32.const 6) (i32.const 0) (i32.const 99))
    (call $buffer @"{when}7" (i32.const 7) (i32.const 0) (i32.const 99))"#
        )
    };
    let fields = on_vm_start(&read("start"), 1)
        + &on_configure(&read("configure"), 1)
        + &callback(
            "proxy_on_request_headers",
            &["id", "count", "end"],
            Some(0),
            &read("stream"),
        );
    let plugin = Plugin::wat(guest(&fields));
    let plugin = plugin.vm_configuration("vm").configuration("plugin");
    let proxy = host.serve(&Setup::http(plugin));
    let started = unrepeated(&proxy.reports());
    let before = proxy.reports().len();
    drop(proxy.get("/").send());
    let all = proxy.reports();
    format!("{} {}", started.join(" "), all.split_at(before).1.join(" "))
}
