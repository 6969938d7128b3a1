//! What runs before a module's callbacks, and what it may call.

use crate::guest::{guest, on_configure, on_context_create, on_vm_start};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::unrepeated;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::loading::reaction;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LD-17",
        text: "_initialize runs before all other exports, and main with two zeros after it.",
        verdict: Verdict::Same("_initialize, main=0, main=0, create, vm_start, configure"),
        note: None,
        run: |host| starts(host, &[INITIALIZE, MAIN]),
    },
    Statement {
        id: "LD-18",
        text: "Beside _initialize, _start is not called.",
        verdict: Verdict::Same("_initialize, create, vm_start, configure"),
        note: None,
        run: |host| starts(host, &[INITIALIZE, START]),
    },
    Statement {
        id: "LD-19",
        text: "Without _initialize, _start is called once, and callbacks follow.",
        verdict: Verdict::Same("_start, create, vm_start, configure"),
        note: None,
        run: |host| starts(host, &[START]),
    },
    Statement {
        id: "LD-20",
        text: "Without _initialize, main is not called.",
        verdict: Verdict::Same("create, vm_start, configure"),
        note: None,
        run: |host| starts(host, &[MAIN]),
    },
    Statement {
        id: "LD-21",
        text: "_initialize may call proxy_log and no other proxy function, nor WASI functions that \
               end, yield or open: it traps, and the module is refused.",
        verdict: Verdict::Same(
            "proxy_log serves, proxy_get_property refuses, \
             proxy_set_tick_period_milliseconds refuses, proxy_define_metric refuses, \
             proxy_set_shared_data refuses, proc_exit refuses, sched_yield refuses, \
             path_open refuses, fd_close refuses, fd_read refuses, pthread_equal refuses",
        ),
        note: None,
        run: forbidden_at_start,
    },
    Statement {
        id: "LD-22",
        text: "_initialize may call proxy_log and the WASI functions for output, environment, \
               arguments, clocks, random numbers and descriptors.",
        verdict: Verdict::Same(
            "log=0, fd_write=0, environ_sizes_get=0, environ_get=0, args_sizes_get=0, \
             args_get=0, clock_time_get=0, clock_res_get=0, random_get=0, poll_oneoff=0, \
             fd_fdstat_get=0, fd_prestat_get=8",
        ),
        note: None,
        run: allowed_at_start,
    },
];

const INITIALIZE: &str = r#"(func (export "_initialize") (call $say @"_initialize"))"#;
const START: &str = r#"(func (export "_start") (call $say @"_start"))"#;
const MAIN: &str = r#"(func (export "main") (param $count i32) (param $values i32) (result i32)
    (call $report @"main" (local.get $count))
    (call $report @"main" (local.get $values))
    (i32.const 0))"#;

/// What the last VM reports that starts; before it Envoy starts some to try and to copy.
fn starts(host: &Host, functions: &[&str]) -> String {
    let callbacks = [
        on_context_create(r#"(if (i32.eqz (local.get $parent)) (then (call $say @"create")))"#),
        on_vm_start(r#"(call $say @"vm_start")"#, 1),
        on_configure(r#"(call $say @"configure")"#, 1),
    ];
    let module = guest(&(functions.concat() + &callbacks.concat()));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let reports = proxy.reports();
    let start = reports
        .iter()
        .rposition(|report| Some(report) == reports.first());
    reports
        .get(start.unwrap_or_default()..)
        .unwrap_or_default()
        .join(", ")
}

fn forbidden_at_start(host: &Host) -> String {
    [
        r#"(drop (call $proxy_log (i32.const 0) @"fine"))"#,
        r#"(drop (call $proxy_get_property @"plugin_name" (i32.const 0x100) (i32.const 0x104)))"#,
        "(drop (call $proxy_set_tick_period_milliseconds (i32.const 100)))",
        r#"(drop (call $proxy_define_metric (i32.const 0) @"early" (i32.const 0x100)))"#,
        r#"(drop (call $proxy_set_shared_data @"key" @"value" (i32.const 0)))"#,
        "(call $proc_exit (i32.const 0))",
        "(drop (call $sched_yield))",
        r#"(drop (call $path_open (i32.const 3) (i32.const 0) @"file" (i32.const 0)
             (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0x100)))"#,
        "(drop (call $fd_close (i32.const 1)))",
        "(drop (call $fd_read (i32.const 0) (i32.const 0x200) (i32.const 0) (i32.const 0x100)))",
        "(drop (call $pthread_equal (i32.const 0) (i32.const 0)))",
    ]
    .map(|call| {
        let module = guest(&format!(r#"(func (export "_initialize") {call})"#));
        let (_, name) = call.split_once("(call $").unwrap_or_default();
        let name = name.split([' ', ')']).next().unwrap_or_default();
        format!("{name} {}", reaction(host, &module, &[]))
    })
    .join(", ")
}

fn allowed_at_start(host: &Host) -> String {
    let module = guest(
        r#"(func (export "_initialize")
             (call $report @"log" (call $proxy_log (i32.const 0) @"quiet"))
             (call $report @"fd_write" (call $fd_write
               (i32.const 1) (i32.const 0x200) (i32.const 0) (i32.const 0x100)))
             (call $report @"environ_sizes_get" (call $environ_sizes_get
               (i32.const 0x100) (i32.const 0x104)))
             (call $report @"environ_get" (call $environ_get
               (i32.const 0x100) (i32.const 0x104)))
             (call $report @"args_sizes_get" (call $args_sizes_get
               (i32.const 0x100) (i32.const 0x104)))
             (call $report @"args_get" (call $args_get
               (i32.const 0x100) (i32.const 0x104)))
             (call $report @"clock_time_get" (call $clock_time_get
               (i32.const 0) (i64.const 0) (i32.const 0x100)))
             (call $report @"clock_res_get" (call $clock_res_get
               (i32.const 0) (i32.const 0x100)))
             (call $report @"random_get" (call $random_get
               (i32.const 0x100) (i32.const 8)))
             (call $report @"poll_oneoff" (call $poll_oneoff
               (i32.const 0x200) (i32.const 0x300) (i32.const 1) (i32.const 0x100)))
             (call $report @"fd_fdstat_get" (call $fd_fdstat_get
               (i32.const 1) (i32.const 0x200)))
             (call $report @"fd_prestat_get" (call $fd_prestat_get
               (i32.const 3) (i32.const 0x200))))"#,
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    unrepeated(&proxy.reports()).join(", ")
}
