//! What is wrong before the first request.

use serde_json::json;
use tollgate_integration_tests::Kind;

use crate::guest::{guest, on_configure, on_request_headers, on_vm_start};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::unrepeated;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "FA-13",
        text: "an environment variable that is there twice is refused, and one that the host lacks is left out",
        verdict: Verdict::Same("refuses: TWICE is duplicated, variables=1"),
        note: None,
        run: environment,
    },
    Statement {
        id: "FA-14",
        text: "a plugin that crashes in configure is refused, whatever its policy",
        verdict: Verdict::Same("refuses, refuses"),
        note: None,
        run: |host| {
            let plugin = Plugin::wat(guest(&on_configure("(unreachable)", 1)));
            let open = plugin.clone().failure_policy("FAIL_OPEN");
            let closed = host.reaction(&Setup::http(plugin), &[]);
            format!("{closed}, {}", host.reaction(&Setup::http(open), &[]))
        },
    },
    Statement {
        id: "FA-17",
        text: "a Struct reaches the guest as binary protobuf, a StringValue as its text",
        verdict: Verdict::Same(r"struct=\x0a\x08\x0a\x01a\x12\x03\x1a\x01b string=text"),
        note: Some("the API's documentation promises JSON for a Struct"),
        run: |host| {
            let value = json!({
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": { "a": "b" },
            });
            let structure = configured("struct").field("configuration", value);
            let string = configured("string").configuration("text");
            let proxy = host.serve(&Setup::http([structure.root_id("a"), string.root_id("b")]));
            let of = |root| unrepeated(&proxy.reports_of(root)).join(" ");
            format!("{} {}", of("a"), of("b"))
        },
    },
    Statement {
        id: "FA-18",
        text: "a plugin that starts on the main thread but not on a worker is silently passed by there",
        verdict: Verdict::Differs {
            envoy: "200, headers []",
            tollgate: "refuses",
            reason: "a filter that guards an upstream must not vanish: Tollgate does not start",
        },
        note: None,
        run: one_bad_worker,
    },
];

fn environment(host: &Host) -> String {
    let body = r#"(drop (call $environ_sizes_get (i32.const 0x200) (i32.const 0x204)))
    (call $report @"variables" (i32.load (i32.const 0x200)))"#;
    let plugin = Plugin::wat(guest(&on_configure(body, 1)));
    let with = |host_keys: &[&str]| {
        let variables = json!({ "host_env_keys": host_keys, "key_values": { "TWICE": "1" } });
        Setup::http(plugin.clone().vm_field("environment_variables", variables))
    };
    let twice = host.reaction(&with(&["TWICE"]), &["TWICE is duplicated"]);
    let proxy = host.serve(&with(&["TOLLGATE_CONFORMANCE_IS_NOT_SET"]));
    format!("{twice}, {}", unrepeated(&proxy.reports()).join(" "))
}

/// Shows its configuration under a label.
fn configured(label: &str) -> Plugin {
    let body = format!(
        r#"(drop (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99)
      (i32.const 0x100) (i32.const 0x104)))
    (call $show_result @"{label}")"#
    );
    Plugin::wat(guest(&on_configure(&body, 1)))
}

/// VMs count their starts in shared data; the one that serves is the last, and it refuses.
fn one_bad_worker(host: &Host) -> String {
    let last = match host.kind() {
        // A trial, one on the main thread, the worker's.
        Kind::Envoy => 3,
        // A trial, the worker's.
        Kind::Tollgate => 2,
    };
    let count = format!(
        r#"(local $starts i32)
    (drop (call $proxy_get_shared_data @"starts" (i32.const 0x100) (i32.const 0x104)
      (i32.const 0x108)))
    (if (i32.load (i32.const 0x104))
      (then (local.set $starts (i32.load8_u (i32.load (i32.const 0x100))))))
    (local.set $starts (i32.add (local.get $starts) (i32.const 1)))
    (i32.store8 (i32.const 0x200) (local.get $starts))
    (drop (call $proxy_set_shared_data @"starts" (i32.const 0x200) (i32.const 1)
      (i32.const 0)))
    (if (i32.eq (local.get $starts) (i32.const {last})) (then (return (i32.const 0))))"#
    );
    let fields = on_vm_start(&count, 1) + &on_request_headers(r#"(call $say @"headers")"#, 0);
    let setup = Setup::http(Plugin::wat(guest(&fields)));
    if host.kind() == Kind::Tollgate {
        return host.reaction(&setup, &[]);
    }
    let proxy = host.serve(&setup);
    let status = proxy.get("/").send().status;
    format!("{status}, headers {:?}", proxy.reports())
}
