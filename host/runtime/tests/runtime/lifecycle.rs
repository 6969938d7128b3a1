//! Contexts: their order, their ends, and what is there in each callback.

use std::time::Duration;

use tollgate_runtime::abi::{HeadersAction, LogLevel};
use tollgate_runtime::{ContextId, LoadError, PluginConfig, VmConfig};

use crate::support::{
    compile, on_request_headers, plugin_config, start, start_with, vm_config, wat,
};

/// Every life-cycle callback reports a letter and its parameters.
const REPORTING: &str = r#"
  (func $report (param $letter i32) (param $a i32) (param $b i32)
    (i32.store8 (i32.const 0x300) (local.get $letter))
    (call $show (i32.const 0x300) (i32.const 1))
    (call $say (local.get $a)) (call $say (local.get $b)))
  (func (export "proxy_on_context_create") (param i32 i32)
    (call $report (i32.const 67) (local.get 0) (local.get 1)))
  (func (export "proxy_on_log") (param i32)
    (call $report (i32.const 76) (local.get 0) (i32.const 0)))
  (func (export "proxy_on_delete") (param i32)
    (call $report (i32.const 68) (local.get 0) (i32.const 0)))
"#;

const STARTING: &str = r#"
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (call $report (i32.const 83) (local.get 0) (local.get 1)) (i32.const 2))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $report (i32.const 70) (local.get 0) (local.get 1)) (i32.const 1))
"#;

fn on_done(result: i32) -> String {
    format!(
        r#"(func (export "proxy_on_done") (param i32) (result i32)
             (call $report (i32.const 79) (local.get 0) (i32.const 0)) (i32.const {result}))"#
    )
}

#[test]
fn a_plugin_is_created_started_and_configured_in_this_order() {
    let plugin = start(&format!("{REPORTING}{STARTING}"));
    // C root 0, S root length, F root length
    assert_eq!(
        plugin.said(),
        ["C", "1", "0", "S", "1", "16", "F", "1", "20"]
    );
}

#[test]
fn two_plugins_of_a_vm_are_both_started() {
    let mut plugin = start(&format!("{REPORTING}{STARTING}"));
    plugin.said();
    let second = plugin.vm.start_plugin(PluginConfig::default()).unwrap();
    assert_eq!(second, ContextId(2));
    assert_eq!(
        plugin.said(),
        ["C", "2", "0", "S", "2", "16", "F", "2", "0"]
    );
}

#[test]
fn a_plugin_that_refuses_to_start_is_not_configured() {
    let body = format!(
        r#"{REPORTING}
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) (unreachable))"#
    );
    let refused = start_with(&body, vm_config(), plugin_config())
        .err()
        .unwrap();
    assert!(matches!(&refused, LoadError::StartRefused { plugin } if plugin == "plugin"));
}

#[test]
fn a_plugin_that_refuses_its_configuration_is_gone() {
    let module = compile(&wat(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))"#,
    ))
    .unwrap();
    let services = std::rc::Rc::new(crate::support::Services::default());
    let mut vm =
        tollgate_runtime::Vm::new(&module, vm_config(), Default::default(), services).unwrap();
    let refused = vm.start_plugin(plugin_config()).unwrap_err();
    assert!(matches!(refused, LoadError::ConfigureRefused { .. }));
    assert!(!vm.has_context(ContextId(1)));
    assert!(!vm.is_failed());
}

#[test]
fn a_module_without_callbacks_changes_nothing() {
    let mut plugin = start("");
    let (id, stream) = plugin.stream(&[(":path", "/")]);
    assert_eq!(
        plugin.vm.on_request_headers(id, false),
        Ok(HeadersAction::Continue)
    );
    plugin.vm.on_request_body(id, true).unwrap();
    plugin.vm.on_response_headers(id, true).unwrap();
    plugin.vm.on_log(id).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    assert!(stream.effects.borrow().is_empty());
    assert_eq!(
        std::rc::Rc::strong_count(&stream),
        1,
        "the host is not forgotten"
    );
}

#[test]
fn a_stream_is_announced_with_its_root_before_its_first_callback() {
    let mut plugin = start(&format!(
        "{REPORTING}{}",
        on_request_headers("(call $say (i32.const 7))")
    ));
    plugin.said();
    let (first, _) = plugin.stream(&[]);
    let (second, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(second, true).unwrap();
    plugin.vm.on_request_headers(first, true).unwrap();
    assert_eq!((first, second), (ContextId(2), ContextId(3)));
    assert_eq!(plugin.said(), ["C", "3", "1", "7", "C", "2", "1", "7"]);
}

#[test]
fn a_stream_ends_with_log_done_and_delete_whatever_done_answers() {
    let mut plugin = start(&format!("{REPORTING}{}", on_done(0)));
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    plugin.said();
    plugin.vm.on_log(id).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    assert_eq!(plugin.said(), ["L", "2", "0", "O", "2", "0", "D", "2", "0"]);
    assert!(!plugin.vm.has_context(id));
}

#[test]
fn a_stream_that_never_reached_the_plugin_is_announced_to_be_logged() {
    let mut plugin = start(&format!("{REPORTING}{}", on_done(1)));
    plugin.said();
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_log(id).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    let said = plugin.said();
    assert_eq!(
        said,
        ["C", "2", "1", "L", "2", "0", "O", "2", "0", "D", "2", "0"]
    );
}

#[test]
fn a_root_that_is_done_is_deleted_without_a_log() {
    let mut plugin = start(&format!("{REPORTING}{}", on_done(1)));
    plugin.said();
    assert_eq!(plugin.vm.shut_down(plugin.root), Ok(true));
    assert_eq!(plugin.said(), ["O", "1", "0", "D", "1", "0"]);
    assert_eq!(
        plugin.vm.shut_down(plugin.root),
        Ok(true),
        "a root ends once"
    );
    assert!(plugin.said().is_empty());
}

#[test]
fn a_root_that_is_not_done_ends_after_it_has_said_so() {
    let tick = r#"(func (export "proxy_on_tick") (param i32)
        (call $say (call $proxy_done)) (call $say (call $proxy_done)))"#;
    let mut plugin = start(&format!("{REPORTING}{tick}{}", on_done(0)));
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said()[3..], ["1", "1"], "nobody waits for it yet");
    assert_eq!(plugin.vm.shut_down(plugin.root), Ok(false));
    assert!(plugin.vm.has_context(plugin.root));
    plugin.said();
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["0", "1", "D", "1", "0"]);
    assert!(!plugin.vm.has_context(plugin.root));
}

#[test]
fn an_effective_context_must_be_alive_and_lasts_for_one_callback() {
    let body = on_request_headers(
        r#"(call $get (i32.const 0) @"a")
           (call $say (call $proxy_set_effective_context (i32.const 99)))
           (call $say (call $proxy_set_effective_context (i32.const 1)))
           (call $get (i32.const 0) @"a")
           (call $say (call $proxy_set_effective_context (i32.const 0)))
           (call $get (i32.const 0) @"a")
           (call $say (call $proxy_set_effective_context (i32.const 1)))"#,
    );
    let mut plugin = start(&body);
    let expected = ["0", "b", "2", "0", "2", "0", "0", "b", "0"];
    assert_eq!(plugin.request(&[("a", "b")]), expected);
    assert_eq!(plugin.request(&[("a", "b")]), expected);
}

#[test]
fn the_tick_period_is_the_roots_also_when_a_stream_sets_it() {
    let body = format!(
        r#"(func (export "proxy_on_tick") (param i32) (call $say (local.get 0)))
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $proxy_set_tick_period_milliseconds (i32.const 50))) (i32.const 1)) {}"#,
        on_request_headers("(call $say (call $proxy_set_tick_period_milliseconds (i32.const 0)))")
    );
    let mut plugin = start(&body);
    assert_eq!(plugin.request(&[]), ["0"]);
    let ticks = plugin.services.ticks.take();
    assert_eq!(
        ticks,
        [
            (plugin.root, Some(Duration::from_millis(50))),
            (plugin.root, None)
        ]
    );
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["1"]);
}

#[test]
fn no_timer_runs_for_a_plugin_that_does_not_listen() {
    let mut plugin = start(&on_request_headers(
        "(call $say (call $proxy_set_tick_period_milliseconds (i32.const 5)))",
    ));
    assert_eq!(plugin.request(&[]), ["0"]);
    assert!(plugin.services.ticks.borrow().is_empty());
}

#[test]
fn configurations_are_readable_when_envoy_lets_them() {
    let reading = "(call $read (i32.const 6)) (call $read (i32.const 7))";
    let body = format!(
        r#"(func (export "proxy_on_context_create") (param i32 i32)
             (if (i32.eqz (local.get 1)) (then {reading})))
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32) {reading} (i32.const 1))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) {reading} (i32.const 1))
           {}"#,
        on_request_headers(reading)
    );
    let mut plugin = start(&body);
    let (vm, own) = ("vm configuration", "plugin configuration");
    let expected = ["0", vm, "0", own, "0", vm, "1", "0", vm, "0", own];
    assert_eq!(plugin.said(), expected);
    assert_eq!(plugin.request(&[]), ["0", vm, "1"]);
}

#[test]
fn log_lines_carry_envoys_prefixes() {
    let body = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $show @"root") (i32.const 1))
           (func (export "_initialize") (call $show @"vm")) {}"#,
        on_request_headers(r#"(call $show @"stream")"#)
    );
    let mut plugin = start(&body);
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    let lines = plugin.services.lines.take();
    let prefixes: Vec<_> = lines.iter().map(|(prefix, _, _)| prefix.as_str()).collect();
    assert_eq!(prefixes, ["", " root vm", " plugin root vm"]);
    assert!(
        lines
            .iter()
            .all(|(_, level, _)| *level == LogLevel::Critical)
    );
}

#[test]
fn log_levels_are_0_to_5_and_the_hosts_level_can_be_asked() {
    let body = on_request_headers(
        r#"(call $say (call $proxy_log (i32.const 6) (i32.const 0) (i32.const 0)))
           (call $say (call $proxy_log (i32.const 6) (i32.const -1) (i32.const 9)))
           (call $say (call $proxy_get_log_level (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))
           (call $say (call $proxy_get_log_level (i32.const -1)))"#,
    );
    assert_eq!(start(&body).request(&[]), ["2", "2", "0", "3", "6"]);
}

#[test]
fn an_empty_vm_configuration_has_size_0() {
    let plugin = start_with(
        &format!("{REPORTING}{STARTING}"),
        VmConfig::default(),
        PluginConfig::default(),
    );
    assert_eq!(
        plugin.unwrap().said(),
        ["C", "1", "0", "S", "1", "0", "F", "1", "0"]
    );
}
