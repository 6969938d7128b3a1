//! Which addresses are within memory.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ME-01",
        text: "A range that ends outside memory is InvalidMemoryAccess.",
        verdict: Verdict::Same("last byte=0, one too many=6, far too many=6, address -1=6"),
        note: None,
        run: ranges,
    },
    Statement {
        id: "ME-02",
        text: "An empty range may begin where memory ends, but not after it.",
        verdict: Verdict::Same("at the end=0, after the end=6"),
        note: None,
        run: empty_ranges,
    },
    Statement {
        id: "ME-07",
        text: "A place for a result outside memory is InvalidMemoryAccess; 0 is a place like any \
               other.",
        verdict: Verdict::Same(
            "address outside=6, size outside=6, number outside=6, at 0=0, value=GET",
        ),
        note: None,
        run: places_of_results,
    },
];

fn ranges(host: &Host) -> String {
    let body = r#"
      (local $top i32)
      (local.set $top (i32.mul (memory.size) (i32.const 0x10000)))
      (call $report @"last byte" (call $proxy_log (i32.const 0)
        (i32.sub (local.get $top) (i32.const 4)) (i32.const 4)))
      (call $report @"one too many" (call $proxy_log (i32.const 0)
        (i32.sub (local.get $top) (i32.const 4)) (i32.const 5)))
      (call $report @"far too many" (call $proxy_log (i32.const 0)
        (i32.const 0) (i32.const -1)))
      (call $report @"address -1" (call $proxy_log (i32.const 0)
        (i32.const -1) (i32.const 1)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

fn empty_ranges(host: &Host) -> String {
    let body = r#"
      (local $top i32)
      (local.set $top (i32.mul (memory.size) (i32.const 0x10000)))
      (call $report @"at the end" (call $proxy_log (i32.const 0)
        (local.get $top) (i32.const 0)))
      (call $report @"after the end" (call $proxy_log (i32.const 0)
        (i32.add (local.get $top) (i32.const 1)) (i32.const 0)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

fn places_of_results(host: &Host) -> String {
    let body = r#"
      (call $report @"address outside" (call $proxy_get_header_map_value
        (i32.const 0) @":method" (i32.const -2) (i32.const 0x104)))
      (call $report @"size outside" (call $proxy_get_header_map_value
        (i32.const 0) @":method" (i32.const 0x100) (i32.const -2)))
      (call $report @"number outside" (call $proxy_get_header_map_size
        (i32.const 0) (i32.const -2)))
      (call $report @"at 0" (call $proxy_get_header_map_value
        (i32.const 0) @":method" (i32.const 0) (i32.const 4)))
      (call $show @"value" (i32.load (i32.const 0)) (i32.load (i32.const 4)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}
