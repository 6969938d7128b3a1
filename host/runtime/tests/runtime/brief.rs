//! `tollgate_on_request`: one call for a stream that means nothing more once its headers have passed.

use std::sync::Arc;

use tollgate_runtime::VmConfig;
use tollgate_runtime::abi::HeadersAction;

use crate::support::{Plugin, compile, plugin_config, start_module, vm_config};

const SILENT: &str = r#"(@custom "tollgate_stream_end" (after import) "silent")"#;

const ON_REQUEST: &str = r#"(func (export "tollgate_on_request") (param i32 i32 i32) (result i32)
    (call $say (i32.const 4)) (call $say (local.get 0)) (call $say (local.get 1))
    (call $say (local.get 2)) (global.get $action))"#;

/// A guest that says 1 at a creation, 2 at headers, 3 at a deletion and 4 at `tollgate_on_request`,
/// each with its parameters.
fn start(more: &str, action: u32, config: VmConfig) -> Plugin {
    let text = format!(
        r#"(module
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          {more}
          (global $action i32 (i32.const {action}))
          (memory (export "memory") 1)
          (func $say (param $number i32)
            (i32.store (i32.const 0x200) (local.get $number))
            (drop (call $log (i32.const 0) (i32.const 0x200) (i32.const 4))))
          (func (export "malloc") (param i32) (result i32) (i32.const 4096))
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_context_create") (param i32 i32)
            (call $say (i32.const 1)) (call $say (local.get 0)))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (i32.const 2)) (call $say (local.get 0)) (global.get $action))
          (func (export "proxy_on_delete") (param i32)
            (call $say (i32.const 3)) (call $say (local.get 0))))"#
    );
    let module = compile(&text).unwrap();
    let plugin = start_module(&module, config, plugin_config(), Arc::default()).unwrap();
    plugin.said();
    plugin
}

/// What the guest says of a request and of the end of its stream, and the action.
fn request(plugin: &mut Plugin, end: bool) -> (Vec<String>, HeadersAction) {
    let (id, _) = plugin.stream(&[]);
    let action = plugin.vm.on_request_headers(id, end).unwrap();
    let is_over = plugin.vm.has_deleted_http_context(id);
    assert!(!is_over || action == HeadersAction::Continue);
    plugin.vm.on_log(id).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    assert!(!plugin.vm.has_context(id));
    (plugin.said(), action)
}

#[test]
fn one_call_stands_for_three() {
    let mut plugin = start(&format!("{SILENT}{ON_REQUEST}"), 0, vm_config());
    let (id, _) = plugin.stream(&[]);
    assert!(!plugin.vm.has_deleted_http_context(id));
    plugin.vm.on_request_headers(id, true).unwrap();
    assert!(plugin.vm.has_deleted_http_context(id));
    plugin.vm.delete_http_context(id).unwrap();
    plugin.said();
    let said = ["4", "3", "1", "1"].map(str::to_owned).into();
    assert_eq!(request(&mut plugin, true), (said, HeadersAction::Continue));
    let said = ["4", "4", "1", "0"].map(str::to_owned).into();
    assert_eq!(request(&mut plugin, false), (said, HeadersAction::Continue));
}

#[test]
fn a_stream_that_is_held_ends_in_its_time() {
    let numbers = [
        (1, HeadersAction::StopAllIterationAndWatermark),
        (2, HeadersAction::Continue),
        (4, HeadersAction::StopAllIterationAndWatermark),
    ];
    for (number, expected) in numbers {
        let mut plugin = start(&format!("{SILENT}{ON_REQUEST}"), number, vm_config());
        let (said, action) = request(&mut plugin, true);
        assert_eq!(said, ["4", "2", "1", "1", "3", "2"]);
        assert_eq!(action, expected);
    }
}

#[test]
fn others_hear_of_each_by_itself() {
    let three = ["1", "2", "2", "2", "3", "2"];
    let later =
        r#"(func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))"#.to_owned();
    let guests = [
        SILENT.to_owned(),
        ON_REQUEST.to_owned(),
        format!("{SILENT}{ON_REQUEST}{later}"),
    ];
    for guest in guests {
        let said = request(&mut start(&guest, 0, vm_config()), true).0;
        assert_eq!(said, three, "{guest}");
    }
}

#[test]
fn what_is_not_allowed_is_not_called_in_its_place() {
    let allowed = ["proxy_log", "proxy_on_request_headers", "proxy_on_delete"];
    let config = VmConfig {
        allowed_capabilities: Some(allowed.map(str::to_owned).into()),
        ..vm_config()
    };
    let mut plugin = start(&format!("{SILENT}{ON_REQUEST}"), 0, config);
    assert_eq!(request(&mut plugin, true).0, ["2", "2", "3", "2"]);
}

#[test]
fn what_is_recorded_is_the_abis_callbacks() {
    let config = VmConfig {
        is_recorded: true,
        ..vm_config()
    };
    let mut plugin = start(&format!("{SILENT}{ON_REQUEST}"), 0, config);
    assert_eq!(request(&mut plugin, true).0, ["1", "2", "2", "2", "3", "2"]);
}

#[test]
fn a_fault_in_it_is_one_of_the_headers() {
    let crash = r#"(func (export "tollgate_on_request") (param i32 i32 i32) (result i32)
        unreachable)"#;
    let mut plugin = start(&format!("{SILENT}{crash}"), 0, vm_config());
    let (id, _) = plugin.stream(&[]);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.callback, "proxy_on_request_headers");
    assert_eq!((fault.context, fault.plugin.as_str()), (id, "plugin"));
}

#[test]
fn a_stream_of_a_plugin_that_is_gone_is_unknown() {
    let mut plugin = start(&format!("{SILENT}{ON_REQUEST}"), 0, vm_config());
    let (id, _) = plugin.stream(&[]);
    assert_eq!(plugin.vm.shut_down(plugin.root), Ok(true));
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert!(
        fault.message.contains("context 1 does not exist"),
        "{fault}"
    );
}
