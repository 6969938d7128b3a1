//! Faults, limits and capabilities.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollgate_runtime::{
    Engine, EngineOptions, FaultKind, HttpCallResponse, Limits, LoadError, Module, VmConfig,
};

use crate::support::{
    callback, on_request_headers, plugin_config, start, start_module, start_with, vm_config, wat,
};

#[test]
fn a_trap_ends_the_vm_for_good_and_says_where() {
    let mut plugin = start(&format!(
        r#"(func $culprit (unreachable))
           (func (export "proxy_on_log") (param i32) (call $show @"log")) {}"#,
        on_request_headers("(call $culprit)")
    ));
    let (id, stream) = plugin.stream(&[]);
    let (other, _) = plugin.stream(&[]);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(
        (fault.kind, fault.callback),
        (FaultKind::Trap, "proxy_on_request_headers")
    );
    assert_eq!(fault.plugin, "plugin");
    let innermost = &fault.details.backtrace[0];
    assert_eq!(innermost.function, "culprit");
    assert!(innermost.module_offset.is_some());
    assert!(plugin.vm.is_failed());

    let kind = |result: Result<(), tollgate_runtime::Fault>| result.unwrap_err().kind;
    let root = plugin.root;
    assert_eq!(kind(plugin.vm.on_log(id)), FaultKind::VmFailed);
    assert_eq!(
        kind(plugin.vm.on_request_headers(other, true).map(drop)),
        FaultKind::VmFailed
    );
    assert_eq!(kind(plugin.vm.on_tick(root)), FaultKind::VmFailed);
    let response = HttpCallResponse::Reset;
    assert_eq!(
        kind(plugin.vm.on_http_call_response(root, 4, response)),
        FaultKind::VmFailed
    );
    assert_eq!(
        kind(plugin.vm.shut_down(root).map(drop)),
        FaultKind::VmFailed
    );
    assert!(plugin.vm.start_plugin(plugin_config()).is_err());
    assert_eq!(kind(plugin.vm.delete_http_context(id)), FaultKind::VmFailed);
    assert!(plugin.said().is_empty(), "the guest was entered again");
    assert_eq!(
        std::rc::Rc::strong_count(&stream),
        1,
        "the host is not forgotten"
    );
}

#[test]
fn what_a_guest_asked_for_before_it_trapped_does_not_happen() {
    let mut plugin = start(&on_request_headers(
        "(drop (call $proxy_continue_stream (i32.const 0))) (unreachable)",
    ));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap_err();
    assert!(stream.effects.borrow().is_empty());
}

#[test]
fn a_fault_reads_like_envoys() {
    let mut plugin = start(&on_request_headers("(unreachable)"));
    let (id, _) = plugin.stream(&[]);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    let text = format!("{fault:#}");
    assert!(
        text.starts_with("function proxy_on_request_headers failed: "),
        "{text}"
    );
    assert!(
        text.contains("Proxy-Wasm plugin in-VM backtrace:\n  0: 0x"),
        "{text}"
    );
}

#[test]
fn a_trap_in_one_vm_leaves_another_of_the_same_module_alone() {
    let engine = crate::support::engine();
    let body = on_request_headers(
        r#"(if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) @"crash"
             (i32.const 0x100) (i32.const 0x104))) (then (unreachable)))"#,
    );
    let module = Module::new(&engine, &::wat::parse_str(wat(&body)).unwrap()).unwrap();
    let start = || start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let (mut first, mut second) = (start(), start());
    let (id, _) = first.stream(&[("crash", "yes")]);
    first.vm.on_request_headers(id, true).unwrap_err();
    let (id, _) = second.stream(&[("a", "b")]);
    second.vm.on_request_headers(id, true).unwrap();
}

#[test]
fn an_endless_loop_ends_at_its_deadline() {
    let interval = Duration::from_millis(1);
    let engine = Engine::new(EngineOptions {
        epoch_interval: interval,
        ..EngineOptions::default()
    })
    .unwrap();
    let body = on_request_headers("(loop $forever (br $forever))");
    let module = Module::new(&engine, &::wat::parse_str(wat(&body)).unwrap()).unwrap();
    let limits = Limits {
        stream_deadline: interval * 5,
        ..Limits::default()
    };
    let vm = VmConfig {
        limits,
        ..vm_config()
    };
    let mut plugin = start_module(&module, vm, plugin_config(), Arc::default()).unwrap();
    let (id, _) = plugin.stream(&[]);
    let is_over = AtomicBool::new(false);
    let fault = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                engine.increment_epoch();
                std::thread::yield_now();
            }
        });
        let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
        is_over.store(true, Ordering::Relaxed);
        fault
    });
    assert_eq!(fault.kind, FaultKind::Deadline);
    assert!(fault.message.contains("deadline"), "{fault}");
}

#[test]
fn memory_beyond_the_limit_is_refused_and_named_when_the_guest_gives_up() {
    let body = on_request_headers(
        "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))",
    );
    let limits = Limits {
        memory_bytes: 10 * 65536,
        ..Limits::default()
    };
    let vm = VmConfig {
        limits,
        ..vm_config()
    };
    let mut plugin = start_with(&body, vm, plugin_config()).unwrap();
    let (id, _) = plugin.stream(&[]);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Memory);
}

#[test]
fn a_module_that_starts_with_more_memory_than_allowed_is_refused() {
    let limits = Limits {
        memory_bytes: 65536,
        ..Limits::default()
    };
    let vm = VmConfig {
        limits,
        ..vm_config()
    };
    let refused = start_with("", vm, plugin_config()).err().unwrap();
    assert!(matches!(refused, LoadError::Instantiate(_)), "{refused}");
}

#[test]
fn endless_recursion_is_a_trap() {
    let mut plugin = start(&format!(
        "(func $deeper (call $deeper)) {}",
        on_request_headers("(call $deeper)")
    ));
    let (id, _) = plugin.stream(&[]);
    assert_eq!(
        plugin.vm.on_request_headers(id, true).unwrap_err().kind,
        FaultKind::Trap
    );
}

#[test]
fn a_trap_while_configuring_refuses_the_plugin() {
    let body = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (unreachable))"#;
    let refused = start_with(body, vm_config(), plugin_config())
        .err()
        .unwrap();
    let LoadError::Fault(fault) = refused else {
        panic!("{refused}")
    };
    assert_eq!(fault.callback, "proxy_on_configure");
}

#[test]
fn a_stream_of_an_unknown_root_gets_faults_and_the_vm_lives_on() {
    let mut plugin = start("");
    let stream = std::rc::Rc::new(crate::support::FakeStream::default());
    let id = plugin
        .vm
        .create_http_context(tollgate_runtime::ContextId(77), stream);
    let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::UnknownContext);
    assert!(!plugin.vm.is_failed());
}

fn restricted(body: &str, allowed: &[&str]) -> crate::support::Plugin {
    let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
    let vm = VmConfig {
        allowed_capabilities: Some(allowed),
        ..vm_config()
    };
    start_with(body, vm, plugin_config()).unwrap()
}

#[test]
fn a_restricted_hostcall_fails_and_a_restricted_wasi_function_is_not_capable() {
    let body = format!(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
           (import "env" "pthread_equal" (func $pthread_equal (param i32 i32) (result i32))) {}"#,
        on_request_headers(
            "(call $say (call $proxy_done))
             (call $say (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0x300)))
             (call $say (call $pthread_equal (i32.const 3) (i32.const 3)))"
        )
    );
    let mut plugin = restricted(&body, &["proxy_log", "proxy_on_request_headers"]);
    assert_eq!(plugin.request(&[]), ["10", "76", "1"]);
}

#[test]
fn a_restricted_callback_is_as_if_it_were_not_exported() {
    let body = callback("proxy_on_request_headers", "(unreachable)", 1);
    let mut plugin = restricted(&body, &["proxy_log"]);
    assert!(plugin.request(&[]).is_empty());
}

#[test]
fn an_empty_list_of_capabilities_allows_everything() {
    let mut plugin = restricted(&on_request_headers("(call $say (i32.const 1))"), &[]);
    assert_eq!(plugin.request(&[]), ["1"]);
}
