//! Shared data: values with compare-and-swap.

use super::on_request;
use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "SM-01",
        text: "A key under which nothing is stored is NotFound.",
        verdict: Verdict::Same("get=1"),
        note: None,
        run: |host| on_request(host, &get("k")),
    },
    Statement {
        id: "SM-02",
        text: "A value is stored with number 0 or with its current number, and gets another number; \
               with a wrong number it is CasMismatch.",
        verdict: Verdict::Same(
            r#"set=0, again=0, get=0 "two", wrong=8, right=0, used=8, get=0 "three", changed=1"#,
        ),
        note: None,
        run: swap,
    },
    Statement {
        id: "SM-03",
        text: "A new key is stored whatever number is given.",
        verdict: Verdict::Same(r#"set=0, get=0 "v""#),
        note: None,
        run: |host| {
            on_request(
                host,
                &[set("set", "v", "(i32.const 77)"), get("k")].concat(),
            )
        },
    },
    Statement {
        id: "SM-04",
        text: "An empty value exists: address 0 and size 0, and a number that is not 0.",
        verdict: Verdict::Same(r#"set=0, get=0 "", address=0, size=0, numbered=1"#),
        note: None,
        run: empty_value,
    },
    Statement {
        id: "SM-05",
        text: "VMs of one vm_id share data, whatever else they are; VMs of others do not.",
        verdict: Verdict::Same(r#"set=0, same=0 "v", other=1"#),
        note: None,
        run: vm_ids,
    },
];

/// Reports the value of a key; its number lies at 0x300 then.
fn get(key: &str) -> String {
    get_as("get", key)
}

fn get_as(label: &str, key: &str) -> String {
    format!(
        r#"(call $answer @"{label}" (call $proxy_get_shared_data @"{key}"
             (i32.const 0x100) (i32.const 0x104) (i32.const 0x300)))"#
    )
}

fn set(label: &str, value: &str, cas: &str) -> String {
    format!(r#"(call $report @"{label}" (call $proxy_set_shared_data @"k" @"{value}" {cas}))"#)
}

fn swap(host: &Host) -> String {
    let number = "(i32.load (i32.const 0x300))";
    let body = [
        set("set", "one", "(i32.const 0)"),
        set("again", "two", "(i32.const 0)"),
        get("k"),
        format!("(i32.store (i32.const 0x304) {number})"),
        set("wrong", "no", &format!("(i32.add {number} (i32.const 1))")),
        set("right", "three", number),
        set("used", "no", number),
        get("k"),
        format!(r#"(call $report @"changed" (i32.ne {number} (i32.load (i32.const 0x304))))"#),
    ];
    on_request(host, &body.concat())
}

fn empty_value(host: &Host) -> String {
    let body = [
        set("set", "", "(i32.const 0)"),
        "(i32.store (i32.const 0x100) (i32.const -1)) (i32.store (i32.const 0x104) (i32.const -1))"
            .to_owned(),
        get("k"),
        r#"(call $report @"address" (i32.load (i32.const 0x100)))
           (call $report @"size" (i32.load (i32.const 0x104)))
           (call $report @"numbered" (i32.ne (i32.load (i32.const 0x300)) (i32.const 0)))"#
            .to_owned(),
    ];
    on_request(host, &body.concat())
}

fn vm_ids(host: &Host) -> String {
    let plugin = |body: &str| Plugin::wat(guest(&on_request_headers(body, 0)));
    let proxy = host.serve(&Setup::http([
        plugin(&set("set", "v", "(i32.const 0)")).vm_id("one"),
        plugin(&get_as("same", "k"))
            .vm_id("one")
            .vm_configuration("another VM"),
        plugin(&get_as("other", "k")).vm_id("two"),
    ]));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}
