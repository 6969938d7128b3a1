//! Pointers, and how bytes are returned to a guest.

use tollgate_runtime::{StreamMap, VmConfig};

use crate::support::{
    Map, compile, header, module_text, on_request_headers, plugin_config, start, start_module,
};

fn says(body: &str) -> Vec<String> {
    start(&on_request_headers(body)).request(&[("a", "b"), ("cc", "")])
}

#[test]
fn a_range_beyond_memory_is_refused_and_one_at_its_end_is_not() {
    // The memory has 4 pages: 0x40000 bytes.
    let body = r#"(call $say (call $proxy_log (i32.const 2) (i32.const 0x3ffff) (i32.const 2)))
        (call $say (call $proxy_log (i32.const 2) (i32.const 0x40000) (i32.const 0)))
        (call $say (call $proxy_log (i32.const 2) (i32.const 0x40001) (i32.const 0)))
        (call $say (call $proxy_log (i32.const 2) (i32.const -1) (i32.const -1)))"#;
    assert_eq!(says(body), ["6", "", "0", "6", "6"]);
}

#[test]
fn a_map_is_written_byte_for_byte_as_envoy_writes_it() {
    let expected = "\\x02\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00\
        \\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00a\\x00b\\x00cc\\x00\\x00";
    assert_eq!(says("(call $pairs (i32.const 0))"), ["0", expected]);
}

#[test]
fn a_result_pointer_outside_memory_is_refused() {
    let body = r#"(call $say (call $proxy_get_header_map_pairs (i32.const 0) (i32.const -1) (i32.const 0x104)))
        (call $say (call $proxy_get_header_map_pairs (i32.const 0) (i32.const 0x100) (i32.const 0x3fffd)))
        (call $say (call $proxy_get_header_map_size (i32.const 0) (i32.const 0x40000)))
        (call $say (call $proxy_get_current_time_nanoseconds (i32.const 0x3fff9)))"#;
    assert_eq!(says(body), ["6", "6", "6", "6"]);
}

/// A guest with its own allocator, which reports each size it is asked for.
fn with_allocator(allocators: &str, body: &str) -> Vec<String> {
    let text = module_text(&format!(
        r#"(import "env" "proxy_log" (func $proxy_log (param i32 i32 i32) (result i32)))
           (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
           (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
           (memory (export "memory") 1)
           (func (export "proxy_abi_version_0_2_1"))
           (func $say (param $number i32)
             (i32.store (i32.const 0x200) (local.get $number))
             (drop (call $proxy_log (i32.const 0) (i32.const 0x200) (i32.const 4))))
           {allocators} {}"#,
        on_request_headers(body)
    ));
    let module = compile(&text).unwrap();
    let plugin = start_module(
        &module,
        VmConfig::default(),
        plugin_config(),
        Default::default(),
    );
    plugin.unwrap().request(&[("a", "value"), ("empty", "")])
}

fn malloc(body: &str) -> String {
    format!(r#"(func (export "malloc") (param $size i32) (result i32) {body})"#)
}

const GET: &str =
    r#"(call $say (call $value (i32.const 0) @"a" (i32.const 0x100) (i32.const 0x104)))"#;

#[test]
fn a_value_costs_one_allocation_of_exactly_its_size() {
    let reporting = malloc("(call $say (local.get $size)) (i32.const 0x800)");
    assert_eq!(with_allocator(&reporting, GET), ["5", "0"]);
}

#[test]
fn an_empty_value_costs_no_allocation_and_has_address_and_size_0() {
    let trapping = malloc("(unreachable)");
    let body = r#"(i64.store (i32.const 0x100) (i64.const -1))
        (call $say (call $value (i32.const 0) @"empty" (i32.const 0x100) (i32.const 0x104)))
        (call $say (i32.load (i32.const 0x100))) (call $say (i32.load (i32.const 0x104)))"#;
    assert_eq!(with_allocator(&trapping, body), ["0", "0", "0"]);
}

#[test]
fn an_allocator_that_returns_no_block_inside_memory_leaves_the_results_alone() {
    let body = format!(
        "(i64.store (i32.const 0x100) (i64.const -1)) {GET}
         (call $say (i32.load (i32.const 0x100))) (call $say (i32.load (i32.const 0x104)))"
    );
    for block in ["0", "0xfffc", "-1"] {
        let allocator = malloc(&format!("(i32.const {block})"));
        assert_eq!(
            with_allocator(&allocator, &body),
            ["6", "-1", "-1"],
            "{block}"
        );
    }
}

#[test]
fn malloc_is_preferred_to_the_specs_own_allocator() {
    let other = r#"(func (export "proxy_on_memory_allocate") (param i32) (result i32)
        (call $say (i32.const 77)) (i32.const 0x800))"#;
    assert_eq!(with_allocator(other, GET), ["77", "0"]);
    let both = other.to_owned() + &malloc("(call $say (i32.const 88)) (i32.const 0x800)");
    assert_eq!(with_allocator(&both, GET), ["88", "0"]);
}

#[test]
fn memory_that_grows_in_the_allocator_moves_nothing_under_the_host() {
    let growing = malloc(r#"(i32.mul (i32.const 65536) (memory.grow (i32.const 100)))"#);
    let body = format!(
        "{GET} (drop (call $proxy_log (i32.const 5)
           (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))"
    );
    assert_eq!(with_allocator(&growing, &body), ["0", "value"]);
}

/// Sets map 0 to `size` bytes at `address` and returns the map.
fn set_pairs(setup: &str, address: &str, size: &str) -> (Vec<String>, Map) {
    let mut plugin = start(&on_request_headers(&format!(
        "{setup} (call $say (call $proxy_set_header_map_pairs (i32.const 0) {address} {size}))"
    )));
    let (id, stream) = plugin.stream(&[("old", "1")]);
    plugin.vm.on_request_headers(id, true).unwrap();
    (plugin.said(), stream.map(StreamMap::RequestHeaders))
}

#[test]
fn a_map_from_the_guest_replaces_the_old_one_with_names_in_lower_case() {
    let (said, map) = set_pairs(
        "",
        r#"@"\01\00\00\00\03\00\00\00\01\00\00\00X-A\00b\00""#,
        "",
    );
    assert_eq!(said, ["0"]);
    assert_eq!(map, [header("x-a", "b")]);
}

#[test]
fn an_empty_or_malformed_map_clears_and_is_no_error() {
    for bytes in [
        r#"@"\00\00\00\00""#,
        r#"@"""#,
        r#"@"\01\00\00\00\01\00\00\00\01\00\00\00aXb\00""#,
        r#"@"\01\00\00\00\01\00\00\00\01\00\00\00a\00b\00\00""#,
        r#"@"\01\00\00\00\01\00\00\00\01\00\00\00a\00""#,
        r#"@"\ff\ff\ff\ff""#,
    ] {
        let (said, map) = set_pairs("", bytes, "");
        assert_eq!((said, map), (vec!["0".to_owned()], vec![]), "{bytes}");
    }
}

#[test]
fn a_map_beyond_the_limits_counts_as_empty() {
    // n pairs of empty names and values need 4 + 10 n bytes; zeroed memory is such a map.
    let many = |count: u32| {
        set_pairs(
            &format!("(i32.store (i32.const 0x10000) (i32.const {count}))"),
            "(i32.const 0x10000)",
            &format!("(i32.const {})", 4 + 10 * count),
        )
    };
    assert_eq!(many(1024).1.len(), 1024);
    assert_eq!(many(1025).1.len(), 0);
    let (said, map) = set_pairs(
        "(drop (memory.grow (i32.const 64)))",
        "(i32.const 0x10000)",
        "(i32.const 0x100001)",
    );
    assert_eq!((said, map), (vec!["0".to_owned()], vec![]));
}

#[test]
fn a_map_outside_memory_is_refused_and_changes_nothing() {
    let (said, map) = set_pairs("", "(i32.const -1)", "(i32.const 4)");
    assert_eq!(
        (said, map),
        (vec!["6".to_owned()], vec![header("old", "1")])
    );
}

#[test]
fn the_allocator_may_log_but_not_act() {
    let logging = malloc("(call $say (i32.const 5)) (i32.const 0x800)");
    assert_eq!(with_allocator(&logging, GET), ["5", "0"]);
    let acting = malloc(
        "(drop (call $set_property (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
         (i32.const 0x800)",
    );
    let text = module_text(&format!(
        r#"(import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
           (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
           (memory (export "memory") 1)
           (func (export "proxy_abi_version_0_2_1"))
           {acting} {}"#,
        on_request_headers(
            r#"(drop (call $value (i32.const 0) @"a" (i32.const 0x100) (i32.const 0x104)))"#
        )
    ));
    let module = compile(&text).unwrap();
    let mut plugin = start_module(
        &module,
        VmConfig::default(),
        plugin_config(),
        Default::default(),
    )
    .unwrap();
    let (id, _) = plugin.stream(&[("a", "b")]);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert!(fault.message.contains("proxy_set_property"), "{fault}");
    assert!(plugin.vm.is_failed());
}
