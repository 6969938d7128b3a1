//! How a module says which ABI it speaks.

use crate::guest::raw;
use crate::host::Host;
use crate::statement::{Statement, Verdict};
use crate::statements::loading::{reaction, reactions_to_import};

const EVERY_ABI: [&str; 3] = ["0_1_0", "0_2_0", "0_2_1"];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LD-01",
        text: "A module that exports no marker of an ABI version is refused.",
        verdict: Verdict::Same("refuses: ABI version"),
        note: None,
        run: |host| marked(host, "", ""),
    },
    Statement {
        id: "LD-02",
        text: "The markers of 0.1.0, 0.2.0 and 0.2.1 are accepted, and each selects its imports.",
        verdict: Verdict::Same(
            "0_1_0: serves, 0_2_0: refuses: env.proxy_continue_request, \
             0_2_1: refuses: env.proxy_continue_request; \
             0_1_0: refuses: env.proxy_get_log_level, \
             0_2_0: refuses: env.proxy_get_log_level, 0_2_1: serves; \
             0_1_0: serves, 0_2_0: serves, 0_2_1: serves",
        ),
        note: None,
        run: each_selects_imports,
    },
    Statement {
        id: "LD-03",
        text: "A marker that is exported as a global does not count.",
        verdict: Verdict::Same("refuses: ABI version"),
        note: None,
        run: |host| {
            let global = r#"(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#;
            marked(host, "", global)
        },
    },
    Statement {
        id: "LD-04",
        text: "Of two markers the first in the export section counts.",
        verdict: Verdict::Same(
            "0.1.0 before 0.2.1: serves; 0.2.1 before 0.1.0: refuses: env.proxy_continue_request",
        ),
        note: Some("The guest imports a function that only 0.1.0 has."),
        run: first_of_two,
    },
    Statement {
        id: "LD-05",
        text: "A marker of an unknown version is refused.",
        verdict: Verdict::Same("0_3_0: refuses: ABI version; 0_x_x: refuses: ABI version"),
        note: None,
        run: |host| {
            ["0_3_0", "0_x_x"]
                .map(|version| format!("{version}: {}", marked(host, "", &marker(version))))
                .join("; ")
        },
    },
];

/// What a host says to a module with an allocator, imports and markers.
fn marked(host: &Host, imports: &str, markers: &str) -> String {
    let module = raw(&format!(
        r#"(module {imports} {markers}
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 0)))"#
    ));
    reaction(
        host,
        &module,
        &["ABI version", "env.proxy_continue_request"],
    )
}

fn marker(version: &str) -> String {
    format!(r#"(func (export "proxy_abi_version_{version}"))"#)
}

fn each_selects_imports(host: &Host) -> String {
    [
        "(call $proxy_continue_request)",
        "(call $proxy_get_log_level (i32.const 0x100))",
        "(call $proxy_done)",
    ]
    .map(|import| reactions_to_import(host, &EVERY_ABI, import))
    .join("; ")
}

fn first_of_two(host: &Host) -> String {
    let import = r#"(import "env" "proxy_continue_request" (func (result i32)))"#;
    let (old, new) = (marker("0_1_0"), marker("0_2_1"));
    format!(
        "0.1.0 before 0.2.1: {}; 0.2.1 before 0.1.0: {}",
        marked(host, import, &format!("{old}{new}")),
        marked(host, import, &format!("{new}{old}"))
    )
}
