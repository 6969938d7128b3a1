//! `tollgate_results`: where a guest offers a place for what a hostcall returns.

use std::sync::Arc;

use crate::support::{compile, plugin_config, start_module, vm_config};

const OFFERED: &str = r#"(@custom "tollgate_results" (after import) "offered")"#;

/// Asks for the header `x-a`, having written this block and room where the result belongs, and says
/// the status, whether the allocator was called, the address, the size and the bytes.
fn ask(section: &str, block: i32, room: i32) -> Vec<String> {
    let text = format!(
        r#"(module
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          (import "env" "proxy_get_header_map_value"
            (func $value (param i32 i32 i32 i32 i32) (result i32)))
          {section}
          (memory (export "memory") 1)
          (data (i32.const 8) "x-a")
          (global $calls (mut i32) (i32.const 0))
          (func $say (param $number i32)
            (i32.store (i32.const 0x200) (local.get $number))
            (drop (call $log (i32.const 0) (i32.const 0x200) (i32.const 4))))
          (func (export "malloc") (param i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.const 4096))
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (i32.store (i32.const 0x100) (i32.const {block}))
            (i32.store (i32.const 0x104) (i32.const {room}))
            (call $say (call $value (i32.const 0) (i32.const 8) (i32.const 3)
              (i32.const 0x100) (i32.const 0x104)))
            (call $say (global.get $calls))
            (call $say (i32.load (i32.const 0x100)))
            (call $say (i32.load (i32.const 0x104)))
            (drop (call $log (i32.const 5)
              (select (i32.load (i32.const 0x100)) (i32.const 0)
                (i32.lt_u (i32.load (i32.const 0x100)) (i32.const 0x10000)))
              (i32.const 5)))
            (i32.const 0)))"#
    );
    let module = compile(&text).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    plugin.request(&[("x-a", "value")])
}

#[test]
fn a_result_that_fits_is_written_where_it_was_offered_a_place() {
    for room in [6, 7, i32::MAX] {
        let said = ask(OFFERED, 0x400, room);
        assert_eq!(said, ["0", "0", "1024", "5", "value"], "{room}");
    }
}

#[test]
fn other_results_come_in_a_block_of_the_allocator() {
    let spoken = r#"(@custom "tollgate_results" (after import) "taken")"#;
    for (section, block, room) in [
        (OFFERED, 0x400, 5),
        (OFFERED, 0x400, 0),
        (OFFERED, 0, 128),
        ("", 0x400, 128),
        (spoken, 0x400, 128),
    ] {
        let said = ask(section, block, room);
        assert_eq!(said, ["0", "1", "4096", "5", "value"], "{section} {room}");
    }
}

#[test]
fn a_place_outside_the_memory_is_refused() {
    for block in [0x10000 - 4, 0x10000, -1] {
        let said = ask(OFFERED, block, 128);
        assert_eq!(said[..2], ["6", "0"], "{block}");
    }
}
