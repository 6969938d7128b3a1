//! What the oldest ABI does differently.

use bytes::Bytes;
use tollgate_runtime::VmConfig;
use tollgate_runtime::abi::HeadersAction;

use crate::support::{Plugin, compile, module_text, plugin_config, start_module};

/// Starts a module of ABI 0.1.0; `$say` and `$show` report.
fn start(body: &str) -> Plugin {
    let text = module_text(&format!(
        r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
           (import "env" "proxy_get_configuration" (func $configuration (param i32 i32) (result i32)))
           (import "env" "proxy_continue_request" (func $continue_request (result i32)))
           (import "env" "proxy_continue_response" (func $continue_response (result i32)))
           (import "env" "proxy_clear_route_cache" (func $clear_route_cache (result i32)))
           (memory (export "memory") 1)
           (func (export "proxy_abi_version_0_1_0"))
           (func (export "malloc") (param i32) (result i32) (i32.const 0x800))
           (func $say (param $number i32)
             (i32.store (i32.const 0x200) (local.get $number))
             (drop (call $log (i32.const 0) (i32.const 0x200) (i32.const 4))))
           (func $result
             (drop (call $log (i32.const 5) (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104)))))
           {body}"#
    ));
    let vm = VmConfig {
        configuration: Bytes::from_static(b"of the vm"),
        ..VmConfig::default()
    };
    start_module(
        &compile(&text).unwrap(),
        vm,
        plugin_config(),
        Default::default(),
    )
    .unwrap()
}

#[test]
fn headers_come_without_the_end_of_the_stream() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
             (call $say (local.get 1)) (i32.const 1))"#,
    );
    let (id, _) = plugin.stream(&[("a", "b"), ("c", "d")]);
    let action = plugin.vm.on_request_headers(id, true);
    assert_eq!(action, Ok(HeadersAction::StopAllIterationAndWatermark));
    assert_eq!(plugin.said(), ["2"]);
}

#[test]
fn a_missing_header_is_empty_rather_than_not_found() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
             (i64.store (i32.const 0x100) (i64.const -1))
             (call $say (call $value (i32.const 0) @"none" (i32.const 0x100) (i32.const 0x104)))
             (call $say (i32.load (i32.const 0x100))) (call $say (i32.load (i32.const 0x104)))
             (i32.const 0))"#,
    );
    assert_eq!(plugin.request(&[("a", "b")]), ["0", "0", "0"]);
}

#[test]
fn one_function_returns_whichever_configuration_is_at_hand() {
    let read =
        "(call $say (call $configuration (i32.const 0x100) (i32.const 0x104))) (call $result)";
    let plugin = start(&format!(
        r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) {read} (i32.const 1))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) {read} (i32.const 1))"#
    ));
    assert_eq!(
        plugin.said(),
        ["0", "of the vm", "0", "plugin configuration"]
    );
}

#[test]
fn streams_go_on_and_routes_are_cleared_by_functions_of_their_own() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
             (call $say (call $clear_route_cache))
             (call $say (call $continue_response))
             (call $say (call $continue_request)) (i32.const 1))"#,
    );
    let (id, stream) = plugin.stream(&[]);
    assert_eq!(
        plugin.vm.on_request_headers(id, true),
        Ok(HeadersAction::Continue)
    );
    assert_eq!(plugin.said(), ["0", "0", "0"]);
    assert_eq!(*stream.effects.borrow(), ["continue Response"]);
    assert_eq!(stream.route_clears.get(), 1);
}
