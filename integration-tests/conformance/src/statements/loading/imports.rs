//! What a module may import.

use crate::guest::{guest, on_request_headers, wasi};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::loading::{reaction, reactions_to_import};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LD-06",
        text: "A module that is cut off anywhere is refused.",
        verdict: Verdict::Same("7 of 7 refused"),
        note: None,
        run: cut_off,
    },
    Statement {
        id: "LD-07",
        text: "An import that no host function answers is refused by name.",
        verdict: Verdict::Same("refuses: env.foo"),
        note: None,
        run: |host| {
            let module = guest(r#"(import "env" "foo" (func $foo))"#);
            reaction(host, &module, &["env.foo"])
        },
    },
    Statement {
        id: "LD-08",
        text: "An import of a known function with another type is refused by name.",
        verdict: Verdict::Same("refuses: env.proxy_done"),
        note: None,
        run: |host| {
            let module = guest(r#"(import "env" "proxy_done" (func $proxy_done (param i64)))"#);
            reaction(host, &module, &["env.proxy_done"])
        },
    },
    Statement {
        id: "LD-09",
        text: "Only ABI 0.2.1 has proxy_get_log_level.",
        verdict: Verdict::Same("0_2_0: refuses: env.proxy_get_log_level, 0_2_1: serves"),
        note: None,
        run: |host| {
            let import = "(call $proxy_get_log_level (i32.const 0x100))";
            reactions_to_import(host, &["0_2_0", "0_2_1"], import)
        },
    },
    Statement {
        id: "LD-10",
        text: "Only ABI 0.1.0 has proxy_clear_route_cache, proxy_get_configuration and \
               proxy_continue_request.",
        verdict: Verdict::Same(
            "0_1_0: serves, 0_2_1: refuses: env.proxy_clear_route_cache; \
             0_1_0: serves, 0_2_1: refuses: env.proxy_get_configuration; \
             0_1_0: serves, 0_2_1: refuses: env.proxy_continue_request",
        ),
        note: None,
        run: only_in_0_1_0,
    },
    Statement {
        id: "LD-11",
        text: "ABI 0.1.0 has no proxy_continue_stream.",
        verdict: Verdict::Same("0_1_0: refuses: env.proxy_continue_stream, 0_2_0: serves"),
        note: None,
        run: |host| {
            let import = "(call $proxy_continue_stream (i32.const 0))";
            reactions_to_import(host, &["0_1_0", "0_2_0"], import)
        },
    },
    Statement {
        id: "LD-12",
        text: "The functions of WASI preview 1 are there under wasi_snapshot_preview1 and \
               wasi_unstable.",
        verdict: Verdict::Differs {
            envoy: "one, two, path_link refuses, path_symlink refuses, proc_raise refuses",
            tollgate: "one, two, path_link serves, path_symlink serves, proc_raise serves",
            reason: "Envoy declares path_link and path_symlink with a parameter less than WASI \
                     has, and lacks proc_raise; a guest that a compiler made imports them as \
                     WASI has them, and need not be refused for what it hardly ever calls.",
        },
        note: None,
        run: both_names_of_wasi,
    },
    Statement {
        id: "LD-13",
        text: "A module that imports a global is refused.",
        verdict: Verdict::Same("refuses"),
        note: None,
        run: |host| {
            let module = guest(r#"(import "env" "base" (global $base i32))"#);
            reaction(host, &module, &[])
        },
    },
];

/// Cuts a module within its header and at several places of its sections.
fn cut_off(host: &Host) -> String {
    let whole = wat::parse_str(guest("")).expect("the guest is well formed");
    let length = whole.len();
    let cuts = [0, 6, 9, length / 4, length / 2, length * 3 / 4, length - 1];
    let refused = cuts
        .iter()
        .filter(|cut| {
            let module = whole.get(..**cut).unwrap_or_default();
            let complaint = host.refuses(&Setup::http(Plugin::module(module)));
            // A crash is no refusal.
            complaint.is_some_and(|text| !text.contains("panicked") && !text.contains("Caught"))
        })
        .count();
    format!("{refused} of {} refused", cuts.len())
}

fn only_in_0_1_0(host: &Host) -> String {
    [
        "(call $proxy_clear_route_cache)",
        "(call $proxy_get_configuration (i32.const 0x100) (i32.const 0x104))",
        "(call $proxy_continue_request)",
    ]
    .map(|import| reactions_to_import(host, &["0_1_0", "0_2_1"], import))
    .join("; ")
}

/// Imports all functions under both names and calls one of each; those that not every host has, it
/// imports on their own.
fn both_names_of_wasi(host: &Host) -> String {
    const DOUBTFUL: [&str; 3] = ["path_link", "path_symlink", "proc_raise"];
    let mut imports = String::new();
    let mut body = String::new();
    for (module, text) in [("wasi_snapshot_preview1", "one"), ("wasi_unstable", "two")] {
        imports.push_str(&wasi(module, |name| !DOUBTFUL.contains(&name)));
        imports.push_str(&format!(
            r#"(import "{module}" "fd_write"
                 (func ${module} (param i32 i32 i32 i32) (result i32)))"#
        ));
        body.push_str(&format!(
            r#"(call $prepare @"{text}")
               (drop (call ${module}
                 (i32.const 1) (i32.const 0x200) (i32.const 1) (i32.const 0x100)))"#
        ));
    }
    let mut observed = vec![host.reports(&guest(&format!(
        r#"{imports}
           (func $prepare (param $ptr i32) (param $size i32)
             (i32.store (i32.const 0x200) (local.get $ptr))
             (i32.store (i32.const 0x204) (local.get $size)))
           {}"#,
        on_request_headers(&body, 0)
    )))];
    for name in DOUBTFUL {
        let module = guest(&wasi("wasi_snapshot_preview1", |known| known == name));
        observed.push(format!("{name} {}", reaction(host, &module, &[])));
    }
    observed.join(", ")
}
