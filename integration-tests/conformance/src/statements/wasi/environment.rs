//! What a guest learns about its environment and arguments.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "WA-07",
        text: "environ_sizes_get and environ_get return the configured variables as KEY=VALUE with \
               a NUL after each.",
        verdict: Verdict::Same(
            r"sizes=0, count=2, bytes=18, get=0, COLOUR=red\x00, SIZE=x\x00; out of memory: 21, 21",
        ),
        note: None,
        run: environment,
    },
    Statement {
        id: "WA-08",
        text: "There are no arguments.",
        verdict: Verdict::Same("sizes=0, count=0, bytes=0, get=0, untouched=-1, out of memory=21"),
        note: None,
        run: arguments,
    },
];

/// Variables in alphabetical order, for hosts give them in any.
fn environment(host: &Host) -> String {
    let body = r#"
      (call $report @"sizes" (call $environ_sizes_get (i32.const 0x100) (i32.const 0x104)))
      (call $report @"count" (i32.load (i32.const 0x100)))
      (call $report @"bytes" (i32.load (i32.const 0x104)))
      (call $report @"get" (call $environ_get (i32.const 0x200) (i32.const 0x300)))
      (call $show @"first" (i32.load (i32.const 0x200))
        (i32.sub (i32.load (i32.const 0x204)) (i32.load (i32.const 0x200))))
      (call $show @"second" (i32.load (i32.const 0x204))
        (i32.sub (i32.add (i32.const 0x300) (i32.load (i32.const 0x104)))
          (i32.load (i32.const 0x204))))
      (call $report @"bad sizes" (call $environ_sizes_get (i32.const -2) (i32.const 0x104)))
      (call $report @"bad get" (call $environ_get (i32.const 0x200) (i32.const -2)))
    "#;
    let plugin = Plugin::wat(guest(&on_request_headers(body, 0)))
        .environment([("COLOUR", "red"), ("SIZE", "x")]);
    let proxy = host.serve(&Setup::http(plugin));
    assert_eq!(proxy.get("/").send().status, 200);
    let mut variables = [proxy.report("first"), proxy.report("second")];
    variables.sort();
    format!(
        "sizes={}, count={}, bytes={}, get={}, {}; out of memory: {}, {}",
        proxy.report("sizes"),
        proxy.report("count"),
        proxy.report("bytes"),
        proxy.report("get"),
        variables.join(", "),
        proxy.report("bad sizes"),
        proxy.report("bad get")
    )
}

fn arguments(host: &Host) -> String {
    let body = r#"
      (i32.store (i32.const 0x100) (i32.const -1))
      (i32.store (i32.const 0x104) (i32.const -1))
      (i32.store (i32.const 0x200) (i32.const -1))
      (call $report @"sizes" (call $args_sizes_get (i32.const 0x100) (i32.const 0x104)))
      (call $report @"count" (i32.load (i32.const 0x100)))
      (call $report @"bytes" (i32.load (i32.const 0x104)))
      (call $report @"get" (call $args_get (i32.const 0x200) (i32.const 0x200)))
      (call $report @"untouched" (i32.load (i32.const 0x200)))
      (call $report @"out of memory" (call $args_sizes_get (i32.const -2) (i32.const 0x104)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}
