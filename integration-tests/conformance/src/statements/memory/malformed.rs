//! Serialized maps that are wrong or too large.

use crate::host::Host;
use crate::statement::{Statement, Verdict};
use crate::statements::memory::with_two_trailers;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ME-11",
        text: "A malformed map is taken for an empty one: setting it is Ok and clears the map.",
        verdict: Verdict::Same(
            "good=0 {k: v}, no NUL after the key=0 {}, no NUL after the value=0 {}, \
             a byte too many=0 {}, a byte too few=0 {}, sizes cut off=0 {}, count cut off=0 {}, \
             huge count=0 {}, huge size=0 {}, nothing=0 {}",
        ),
        note: None,
        run: malformed,
    },
    Statement {
        id: "ME-12",
        text: "A map has at most 1024 entries; one with more is taken for an empty one.",
        verdict: Verdict::Same("status=0, 1024=3072, status=0, 1025=0"),
        note: Some("The number after the count is the map's size in bytes."),
        run: many_entries,
    },
    Statement {
        id: "ME-13",
        text: "A serialized map has at most 1 MiB; a longer one is taken for an empty one.",
        verdict: Verdict::Same("status=0, 1048576=1048562, status=0, 1048577=0"),
        note: Some("The number after the length is the map's size in bytes."),
        run: long_maps,
    },
];

/// Each is set on a map that has an entry.
const MALFORMED: [(&str, &str); 10] = [
    ("good", r"\01\00\00\00\01\00\00\00\01\00\00\00k\00v\00"),
    (
        "no NUL after the key",
        r"\01\00\00\00\01\00\00\00\01\00\00\00kxv\00",
    ),
    (
        "no NUL after the value",
        r"\01\00\00\00\01\00\00\00\01\00\00\00k\00vx",
    ),
    (
        "a byte too many",
        r"\01\00\00\00\01\00\00\00\01\00\00\00k\00v\00\00",
    ),
    (
        "a byte too few",
        r"\01\00\00\00\01\00\00\00\01\00\00\00k\00v",
    ),
    ("sizes cut off", r"\02\00\00\00\01\00\00\00\01\00\00\00"),
    ("count cut off", r"\01\00\00"),
    ("huge count", r"\ff\ff\ff\ff"),
    ("huge size", r"\01\00\00\00\ff\ff\ff\ff\01\00\00\00k\00v\00"),
    ("nothing", ""),
];

fn malformed(host: &Host) -> String {
    let mut body = String::new();
    for (label, map) in MALFORMED {
        body.push_str(&format!(
            r#"
          (drop (call $proxy_replace_header_map_value (i32.const 1) @"k" @"old"))
          (if (call $proxy_set_header_map_pairs (i32.const 1) @"{map}")
            (then (call $say @"{label} is refused")))
          (call $pairs @"{label}" (i32.const 1))"#
        ));
    }
    with_two_trailers(host, "", &body)
}

fn many_entries(host: &Host) -> String {
    // Entries `x: yy` from 0x20000 on.
    let functions = r#"
      (memory (export "memory") 4)
      (func $try (param $label i32) (param $size i32) (param $count i32)
        (local $at i32) (local $left i32)
        (i32.store (i32.const 0x20000) (local.get $count))
        (local.set $at (i32.const 0x20004))
        (local.set $left (local.get $count))
        (loop $next
          (i32.store (local.get $at) (i32.const 1))
          (i32.store offset=4 (local.get $at) (i32.const 2))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (local.set $left (local.get $count))
        (loop $next
          (i32.store (local.get $at) (i32.const 0x79790078))
          (i32.store8 offset=4 (local.get $at) (i32.const 0))
          (local.set $at (i32.add (local.get $at) (i32.const 5)))
          (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (call $report @"status" (call $proxy_set_header_map_pairs (i32.const 1)
          (i32.const 0x20000) (i32.sub (local.get $at) (i32.const 0x20000))))
        (drop (call $proxy_get_header_map_size (i32.const 1) (i32.const 0x100)))
        (call $report (local.get $label) (local.get $size) (i32.load (i32.const 0x100))))"#;
    let body = r#"
      (call $try @"1024" (i32.const 1024))
      (call $try @"1025" (i32.const 1025))"#;
    with_two_trailers(host, functions, body)
}

fn long_maps(host: &Host) -> String {
    // One entry `k: vvv…` from 0x20000 on.
    let functions = r#"
      (memory (export "memory") 32)
      (func $try (param $label i32) (param $size i32) (param $length i32)
        (local $value i32)
        (local.set $value (i32.sub (local.get $length) (i32.const 15)))
        (memory.fill (i32.const 0x20000) (i32.const 0x76) (local.get $length))
        (i32.store (i32.const 0x20000) (i32.const 1))
        (i32.store (i32.const 0x20004) (i32.const 1))
        (i32.store (i32.const 0x20008) (local.get $value))
        (i32.store8 (i32.const 0x2000c) (i32.const 0x6b))
        (i32.store8 (i32.const 0x2000d) (i32.const 0))
        (i32.store8 offset=0x2000e (local.get $value) (i32.const 0))
        (call $report @"status" (call $proxy_set_header_map_pairs (i32.const 1)
          (i32.const 0x20000) (local.get $length)))
        (drop (call $proxy_get_header_map_size (i32.const 1) (i32.const 0x100)))
        (call $report (local.get $label) (local.get $size) (i32.load (i32.const 0x100))))"#;
    let body = r#"
      (call $try @"1048576" (i32.const 1048576))
      (call $try @"1048577" (i32.const 1048577))"#;
    with_two_trailers(host, functions, body)
}
