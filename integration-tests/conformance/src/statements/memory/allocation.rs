//! How the host asks a guest for memory.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ME-03",
        text: "An empty value is returned as address 0 and size 0, without a call of the allocator.",
        verdict: Verdict::Same("status=0, address=0, size=0, pages=3"),
        note: None,
        run: |host| get(host, "(i32.const 0x20000)", "x-empty"),
    },
    Statement {
        id: "ME-04",
        text: "For any other value the allocator is called once, with its exact size.",
        verdict: Verdict::Same("malloc=5, status=0, address=131072, size=5, value=12345, pages=3"),
        note: None,
        run: |host| get(host, "(i32.const 0x20000)", "x-five"),
    },
    Statement {
        id: "ME-05",
        text: "When the allocator returns 0, the call is InvalidMemoryAccess and the result's place \
               stays as it was.",
        verdict: Verdict::Same("malloc=5, status=6, address=-1, size=-1, pages=3"),
        note: None,
        run: |host| get(host, "(i32.const 0)", "x-five"),
    },
    Statement {
        id: "ME-06",
        text: "The same when the allocated block would end outside memory.",
        verdict: Verdict::Same("malloc=5, status=6, address=-1, size=-1, pages=3"),
        note: None,
        run: |host| {
            let near_end = "(i32.sub (i32.mul (memory.size) (i32.const 0x10000)) (i32.const 4))";
            get(host, near_end, "x-five")
        },
    },
    Statement {
        id: "ME-14",
        text: "Memory may grow and move while the host has called the allocator.",
        verdict: Verdict::Same("malloc=5, status=0, address=196608, size=5, value=12345, pages=35"),
        note: None,
        run: |host| {
            let grow = "(i32.mul (memory.grow (i32.const 32)) (i32.const 0x10000))";
            get(host, grow, "x-five")
        },
    },
];

/// Lets a guest with this allocator read a header of a request.
fn get(host: &Host, allocated: &str, header: &str) -> String {
    let body = format!(
        r#"
      (i32.store (i32.const 0x100) (i32.const -1))
      (i32.store (i32.const 0x104) (i32.const -1))
      (call $report @"status" (call $proxy_get_header_map_value
        (i32.const 0) @"{header}" (i32.const 0x100) (i32.const 0x104)))
      (call $report @"address" (i32.load (i32.const 0x100)))
      (call $report @"size" (i32.load (i32.const 0x104)))
      (if (i32.gt_s (i32.load (i32.const 0x104)) (i32.const 0))
        (then (call $show_result @"value")))
      (call $report @"pages" (memory.size))"#
    );
    let module = guest(&format!(
        r#"(memory (export "memory") 3)
           (func (export "malloc") (param $size i32) (result i32)
             (call $report @"malloc" (local.get $size))
             {allocated})
           {}"#,
        on_request_headers(&body, 0)
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let request = proxy.get("/").header("x-empty", "");
    let response = request.header("x-five", "12345").send();
    assert_eq!(response.status, 200);
    proxy.reports().join(", ")
}
