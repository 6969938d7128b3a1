//! What a root VM changes after its snapshot was taken, and how it reaches later instances.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_runtime::SnapshotError;

use crate::snapshot::instance;
use crate::support::{Services, compile, plugin_config, start, start_module, vm_config, wat};

/// A tick writes to two distant pages, grows memory, writes there and sets a global. A request
/// reports all of it.
const TICKER: &str = r#"
  (global $ticks (mut i32) (i32.const 0))
  (func (export "proxy_on_tick") (param i32)
    (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    (i32.store (i32.const 0x20000) (i32.const 5))
    (i32.store (i32.const 0x30ffc) (i32.const 6))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 0x40000) (global.get $ticks)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (global.get $ticks))
    (call $say (i32.load (i32.const 0x20000)))
    (call $say (i32.load (i32.const 0x30ffc)))
    (call $say (memory.size))
    (if (i32.gt_u (memory.size) (i32.const 4))
      (then (call $say (i32.load (i32.const 0x40000)))))
    (i32.store (i32.const 0x20000) (i32.const 99))
    (i32.const 0))
"#;

#[test]
fn a_tick_reaches_later_instances_and_not_those_before() {
    let mut plugin = start(TICKER);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut earlier = instance(&snapshot, plugin.root);
    plugin.vm.on_tick(plugin.root).unwrap();
    let changes = plugin.vm.changes_since(&snapshot).unwrap();
    assert!(!changes.is_empty());
    assert_eq!((changes.page_count(), changes.byte_len()), (3, 3 * 4096));
    let changed = snapshot.with_changes(changes);
    let seen = ["1", "5", "6", "5", "1"];
    for _ in 0..3 {
        assert_eq!(instance(&changed, plugin.root).request(&[]), seen);
    }
    let unchanged = ["0", "0", "0", "4"];
    assert_eq!(earlier.request(&[]), unchanged);
    assert_eq!(instance(&snapshot, plugin.root).request(&[]), unchanged);
}

#[test]
fn changes_are_counted_from_the_compiled_image() {
    let mut plugin = start(TICKER);
    let mut snapshot = plugin.vm.snapshot().unwrap();
    for _ in 0..2 {
        plugin.vm.on_tick(plugin.root).unwrap();
        let changes = plugin.vm.changes_since(&snapshot).unwrap();
        snapshot = snapshot.with_changes(changes);
    }
    let said = instance(&snapshot, plugin.root).request(&[]);
    assert_eq!(said, ["2", "5", "6", "6", "2"]);
    let fresh = plugin.vm.snapshot().unwrap();
    assert!(plugin.vm.changes_since(&fresh).unwrap().is_empty());
    assert_eq!(instance(&fresh, plugin.root).request(&[]), said);
}

#[test]
fn metrics_that_a_tick_defines_are_known_to_later_instances() {
    let mut plugin = start(
        r#"(func (export "proxy_on_tick") (param i32)
             (drop (call $proxy_define_metric (i32.const 0) @"late" (i32.const 0x400))))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say (call $increment (i32.load (i32.const 0x400)) (i64.const 1)))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    plugin.vm.on_tick(plugin.root).unwrap();
    let changes = plugin.vm.changes_since(&snapshot).unwrap();
    let changed = snapshot.with_changes(changes);
    assert_eq!(instance(&changed, plugin.root).request(&[]), ["0"]);
}

#[test]
fn a_snapshot_wears_out_by_what_its_deltas_cost() {
    let mut plugin = start(
        r#"(func (export "proxy_on_tick") (param i32)
             (local $at i32)
             (drop (memory.grow (i32.const 1024)))
             (local.set $at (i32.const 0x100000))
             (loop $fill
               (i32.store (local.get $at) (i32.const 1))
               (local.set $at (i32.add (local.get $at) (i32.const 4096)))
               (br_if $fill (i32.lt_u (local.get $at) (i32.const 0x4000000)))))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    plugin.vm.on_tick(plugin.root).unwrap();
    let mut changed = snapshot;
    for _ in 0..1000 {
        let changes = plugin.vm.changes_since(&changed).unwrap();
        assert!(changes.page_count() > 16_000);
        changed = changed.with_changes(changes);
        if changed.is_worn() {
            break;
        }
        instance(&changed, plugin.root);
    }
    assert!(changed.is_worn());
    let fresh = plugin.vm.snapshot().unwrap();
    assert!(!fresh.is_worn());
}

#[test]
fn a_vm_of_another_module_has_no_changes() {
    let (mut plugin, mut other) = (start(TICKER), start(TICKER));
    let snapshot = plugin.vm.snapshot().unwrap();
    let refusal = other.vm.changes_since(&snapshot).unwrap_err();
    assert_eq!(refusal, SnapshotError::OtherModule);
}

#[test]
fn a_vm_made_from_a_snapshot_takes_the_place_of_the_first() {
    let mut plugin = start(TICKER);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut second = instance(&snapshot, plugin.root);
    second.vm.on_tick(second.root).unwrap();
    let changes = second.vm.changes_since(&snapshot).unwrap();
    let changed = snapshot.with_changes(changes);
    assert_eq!(instance(&changed, plugin.root).request(&[])[0], "1");
    let fresh = second.vm.snapshot().unwrap();
    assert_eq!(instance(&fresh, plugin.root).request(&[])[0], "1");
}

/// Reads random numbers, and the time by both ways, in functions with names.
const READER: &str = r#"
  (func $std_hashmap_random_keys (param $at i32)
    (drop (call $random_get (local.get $at) (i32.const 8))))
  (func $seed_tokens (drop (call $random_get (i32.const 0x400) (i32.const 8))))
  (func $now (drop (call $proxy_get_current_time_nanoseconds (i32.const 0x410))))
  (func $configure (export "proxy_on_configure") (param i32 i32) (result i32)
    (local $again i32)
    (call $std_hashmap_random_keys (i32.const 0x420))
    (loop $twice
      (call $seed_tokens)
      (call $now)
      (br_if $twice (i32.eqz (local.tee $again (i32.eqz (local.get $again))))))
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 0x430)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $now) (call $seed_tokens) (i32.const 0))
"#;

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock_time_get (param i32 i64 i32) (result i32)))
"#;

#[test]
fn reads_of_entropy_and_clocks_while_starting_are_reported_with_their_functions() {
    let module = compile(&wat(&format!("{IMPORTS}{READER}"))).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let report = snapshot.report();
    let reads: Vec<_> = report.reads.iter().map(ToString::to_string).collect();
    assert_eq!(
        reads,
        [
            "random numbers read while starting, by random_get in `std_hashmap_random_keys`",
            "random numbers read while starting, by random_get in `seed_tokens`",
            "the time read while starting, by proxy_get_current_time_nanoseconds in `now`",
            "the time read while starting, by clock_time_get in `configure`",
        ]
    );
    assert_eq!(report.hazards().count(), 3, "a hash table's keys are none");
    assert_eq!(report.reads[0].functions.len(), 2);
}

#[test]
fn reads_in_requests_are_not_reported() {
    let body = READER.replace("proxy_on_configure", "unused");
    let module = compile(&wat(&format!("{IMPORTS}{body}"))).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    assert!(plugin.vm.snapshot().unwrap().report().reads.is_empty());
}

#[test]
fn an_instance_is_told_that_it_is_one_after_the_changes_are_there() {
    let mut plugin = start(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (i32.store (i32.const 0x400) (i32.const 1)) (i32.const 1))
           (func (export "proxy_on_tick") (param i32)
             (i32.store (i32.const 0x400) (i32.const 2)))
           (func (export "tollgate_on_restore")
             (call $say (i32.load (i32.const 0x400)))
             (i32.store (i32.const 0x400) (i32.const 3)))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say (i32.load (i32.const 0x400))) (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    assert!(snapshot.report().has_restore_hook);
    assert!(plugin.said().is_empty(), "the first VM is no instance");
    assert_eq!(instance(&snapshot, plugin.root).request(&[]), ["1", "3"]);
    plugin.vm.on_tick(plugin.root).unwrap();
    let changes = plugin.vm.changes_since(&snapshot).unwrap();
    let changed = snapshot.with_changes(changes);
    assert_eq!(instance(&changed, plugin.root).request(&[]), ["2", "3"]);
}

#[test]
fn a_trap_in_the_restore_hook_is_why_there_is_no_instance() {
    let mut plugin = start(r#"(func (export "tollgate_on_restore") (unreachable))"#);
    let snapshot = plugin.vm.snapshot().unwrap();
    let refusal = snapshot
        .instantiate(Rc::new(Services::default()))
        .unwrap_err();
    assert!(
        refusal.to_string().contains("tollgate_on_restore"),
        "{refusal}"
    );
}
