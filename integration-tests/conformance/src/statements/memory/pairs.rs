//! Serialized maps: a count, the sizes of all keys and values, then their bytes, each with a NUL.

use crate::host::Host;
use crate::statement::{Statement, Verdict};
use crate::statements::memory::with_two_trailers;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ME-08",
        text: "A map of two entries is serialized as a count, four sizes, and four strings with a \
               NUL each.",
        verdict: Verdict::Same(
            r"status=0, bytes=\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00a\x00b\x00cc\x00\x00",
        ),
        note: Some("The example in the specification has decimal numbers for hexadecimal ones."),
        run: two_entries,
    },
    Statement {
        id: "ME-09",
        text: "An empty map is returned as address 0 and size 0.",
        verdict: Verdict::Same("remove=0, remove=0, status=0, address=0, size=0"),
        note: None,
        run: empty_map,
    },
    Statement {
        id: "ME-10",
        text: "Setting a map to zero entries clears it.",
        verdict: Verdict::Same("set=0, pairs=0 {}"),
        note: None,
        run: |host| {
            let body = r#"
              (call $report @"set" (call $proxy_set_header_map_pairs
                (i32.const 1) @"\00\00\00\00"))
              (call $pairs @"pairs" (i32.const 1))"#;
            with_two_trailers(host, "", body)
        },
    },
];

fn two_entries(host: &Host) -> String {
    let body = r#"
      (call $report @"status" (call $proxy_get_header_map_pairs
        (i32.const 1) (i32.const 0x100) (i32.const 0x104)))
      (call $show_result @"bytes")"#;
    with_two_trailers(host, "", body)
}

fn empty_map(host: &Host) -> String {
    let body = r#"
      (i32.store (i32.const 0x100) (i32.const -1))
      (i32.store (i32.const 0x104) (i32.const -1))
      (call $report @"remove" (call $proxy_remove_header_map_value (i32.const 1) @"a"))
      (call $report @"remove" (call $proxy_remove_header_map_value (i32.const 1) @"cc"))
      (call $report @"status" (call $proxy_get_header_map_pairs
        (i32.const 1) (i32.const 0x100) (i32.const 0x104)))
      (call $report @"address" (i32.load (i32.const 0x100)))
      (call $report @"size" (i32.load (i32.const 0x104)))"#;
    with_two_trailers(host, "", body)
}
