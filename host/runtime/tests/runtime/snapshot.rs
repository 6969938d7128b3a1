//! Snapshots: what instances have of the VM that was configured, and what they keep to themselves.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_runtime::{
    ContextId, FaultKind, Isolation, Module, PluginConfig, Snapshot, SnapshotError, Vm,
};

use crate::support::{
    FakeStream, Plugin, Services, compile, module_text, on_request_headers, start, vm_config, wat,
};

/// Configuring writes 7 to memory and to a global; a request reports both and adds 1 to both.
const COUNTER: &str = r#"
  (global $count (mut i64) (i64.const 0))
  (func (export "_initialize") (call $show @"initialize"))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (i32.store (i32.const 0x300) (i32.add (i32.load (i32.const 0x300)) (i32.const 7)))
    (global.set $count (i64.add (global.get $count) (i64.const 7)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (i32.load (i32.const 0x300)))
    (call $say (i32.wrap_i64 (global.get $count)))
    (i32.store (i32.const 0x300) (i32.add (i32.load (i32.const 0x300)) (i32.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (i32.const 0))
"#;

/// An instance of a snapshot, as a plugin of its own.
pub(crate) fn instance(snapshot: &Snapshot, root: ContextId) -> Plugin {
    let services = Rc::new(Services::default());
    let host: Rc<Services> = Rc::clone(&services);
    let vm = snapshot.instantiate(host).unwrap();
    Plugin { vm, root, services }
}

fn obstacle(fields: &str) -> SnapshotError {
    let module = compile(&wat(fields)).unwrap();
    module.snapshot_obstacle().unwrap().clone()
}

#[test]
fn each_instance_begins_with_what_configuring_has_left() {
    let mut plugin = start(COUNTER);
    assert_eq!(plugin.said(), ["initialize"]);
    let snapshot = plugin.vm.snapshot().unwrap();
    for _ in 0..3 {
        let mut stream = instance(&snapshot, plugin.root);
        assert_eq!(stream.request(&[]), ["7", "7"]);
    }
}

#[test]
fn what_an_instance_changes_is_its_own() {
    let mut plugin = start(COUNTER);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut first = instance(&snapshot, plugin.root);
    let mut second = instance(&snapshot, plugin.root);
    assert_eq!(first.request(&[]), ["7", "7"]);
    assert_eq!(first.request(&[]), ["8", "8"]);
    assert_eq!(second.request(&[]), ["7", "7"]);
    assert_eq!(plugin.request(&[])[1..], ["7", "7"]);
}

#[test]
fn a_trap_ends_one_instance() {
    let mut plugin = start(&on_request_headers("(unreachable)"));
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut first = instance(&snapshot, plugin.root);
    let mut second = instance(&snapshot, plugin.root);
    let (id, _) = first.stream(&[]);
    let fault = first.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trap);
    assert!(first.vm.is_failed());
    assert!(!second.vm.is_failed() && !plugin.vm.is_failed());
    let (id, _) = second.stream(&[]);
    let fault = second.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trap, "not VmFailed");
}

#[test]
fn a_fault_has_the_offsets_of_the_given_module_wherever_it_happens() {
    let text = wat(&on_request_headers("(unreachable)"));
    let bytes = ::wat::parse_str(&text).unwrap();
    let module = Module::new(&crate::support::engine(), &bytes).unwrap();
    let shared = Arc::default();
    let mut plugin =
        crate::support::start_module(&module, vm_config(), PluginConfig::default(), shared)
            .unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let offset = |plugin: &mut Plugin| {
        let (id, _) = plugin.stream(&[]);
        let fault = plugin.vm.on_request_headers(id, true).unwrap_err();
        fault.details.backtrace[0].module_offset.unwrap()
    };
    let root = plugin.root;
    let offsets = [offset(&mut instance(&snapshot, root)), offset(&mut plugin)];
    assert_eq!(offsets[0], offsets[1]);
    assert_eq!(bytes[offsets[0]], 0, "there is the opcode of unreachable");
}

#[test]
fn all_plugins_of_a_vm_are_in_its_instances() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $read (i32.const 7)) (i32.const 0))
           (func (export "proxy_on_context_create") (param $id i32) (param $root i32)
             (call $say (local.get $id)) (call $say (local.get $root)))"#,
    );
    let second = PluginConfig {
        name: "second".to_owned(),
        ..PluginConfig::default()
    };
    let second = plugin.vm.start_plugin(second).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for (root, said) in [(plugin.root, ["3", "1"]), (second, ["4", "2"])] {
        stream.root = root;
        assert_eq!(stream.request(&[])[..2], said);
    }
}

#[test]
fn no_two_instances_give_out_the_same_id() {
    let mut plugin = start("");
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut streams = [0, 1].map(|_| instance(&snapshot, plugin.root));
    let mut ids: Vec<_> = streams.iter_mut().map(|it| it.stream(&[]).0).collect();
    ids.push(plugin.stream(&[]).0);
    assert_eq!(ids, [2, 3, 4].map(ContextId));
}

#[test]
fn metric_ids_of_the_snapshot_hold_in_instances() {
    let mut plugin = start(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $say (call $proxy_define_metric (i32.const 0) @"hits" (i32.const 0x400)))
             (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say (call $increment (i32.load (i32.const 0x400)) (i64.const 1)))
             (call $say (call $proxy_get_metric (i32.load (i32.const 0x400)) (i32.const 0x408)))
             (call $say (i32.load (i32.const 0x408)))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    assert_eq!(plugin.said(), ["0"]);
    for count in ["1", "2"] {
        let mut stream = instance(&snapshot, plugin.root);
        assert_eq!(stream.request(&[]), ["0", "0", count]);
    }
}

#[test]
fn heaps_of_all_sizes_are_whole_in_each_instance() {
    let mut plugin = start(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (local $at i32)
             (drop (memory.grow (i32.const 124)))
             (local.set $at (i32.const 0x100000))
             (loop $fill
               (i32.store (local.get $at) (local.get $at))
               (local.set $at (i32.add (local.get $at) (i32.const 4092)))
               (br_if $fill (i32.lt_u (local.get $at) (i32.const 0x7ffff0))))
             (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (local $at i32) (local $wrong i32)
             (call $say (memory.size))
             (local.set $at (i32.const 0x100000))
             (loop $compare
               (local.set $wrong (i32.add (local.get $wrong)
                 (i32.ne (i32.load (local.get $at)) (local.get $at))))
               (i32.store (local.get $at) (i32.const -1))
               (local.set $at (i32.add (local.get $at) (i32.const 4092)))
               (br_if $compare (i32.lt_u (local.get $at) (i32.const 0x7ffff0))))
             (call $say (local.get $wrong))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    for _ in 0..4 {
        let mut stream = instance(&snapshot, plugin.root);
        assert_eq!(stream.request(&[]), ["128", "0"]);
    }
}

#[test]
fn instances_can_be_made_on_any_thread() {
    let mut plugin = start(COUNTER);
    let image = plugin.vm.capture().unwrap();
    let root = plugin.root;
    let said = std::thread::scope(|scope| {
        let compiling = scope.spawn(move || instance(&image.compile().unwrap(), root).request(&[]));
        compiling.join().unwrap()
    });
    assert_eq!(said, ["7", "7"]);
}

#[test]
fn a_changed_table_is_named_with_its_function() {
    let table = "(table 1 funcref)";
    let named = obstacle(&format!(
        r#"{table} (func $rebind (table.set (i32.const 0) (ref.null func)))"#
    ));
    assert_eq!(
        named,
        SnapshotError::Instruction {
            function: "rebind".to_owned(),
            instruction: "table.set"
        }
    );
    assert!(
        named
            .to_string()
            .contains("function `rebind` uses table.set")
    );
    let grown = obstacle(&format!(
        "{table} (func (drop (table.grow (ref.null func) (i32.const 1))))"
    ));
    assert!(grown.to_string().contains("table.grow"), "{grown}");
    let global = obstacle("(global (mut funcref) (ref.null func))");
    assert_eq!(global, SnapshotError::ReferenceGlobal);
}

#[test]
fn an_imported_memory_is_named_and_the_module_still_serves() {
    let text = module_text(
        r#"(import "env" "memory" (memory 2))
           (func (export "proxy_abi_version_0_2_1"))
           (func (export "malloc") (param i32) (result i32) (i32.const 0x8000))"#,
    );
    let module = compile(&text).unwrap();
    let obstacle = module.snapshot_obstacle().unwrap().clone();
    assert!(obstacle.to_string().contains("its memory env.memory"));
    let services = Rc::new(Services::default());
    let mut vm = Vm::new(&module, vm_config(), Arc::default(), services).unwrap();
    let root = vm.start_plugin(PluginConfig::default()).unwrap();
    assert_eq!(vm.snapshot().unwrap_err(), obstacle);
    let stream = Rc::new(FakeStream::with_request(&[]));
    let id = vm.create_http_context(root, stream);
    assert!(vm.on_request_headers(id, true).is_ok());
}

#[test]
fn a_vm_with_streams_or_a_fault_gives_no_snapshot() {
    let mut plugin = start(&on_request_headers("(unreachable)"));
    let (id, _) = plugin.stream(&[]);
    let refusal = plugin.vm.snapshot().unwrap_err();
    assert_eq!(refusal, SnapshotError::HasStreams(1));
    plugin.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(plugin.vm.snapshot().unwrap_err(), SnapshotError::VmFailed);
}

#[test]
fn a_module_says_which_isolation_it_is_made_for() {
    let declared = |section: &str| {
        let text = wat(&format!(r#"(@custom "tollgate_isolation" "{section}")"#));
        compile(&text).unwrap().declared_isolation()
    };
    assert_eq!(declared("stream"), Some(Isolation::Stream));
    assert_eq!(declared("worker"), Some(Isolation::Worker));
    assert_eq!(declared("elsewhere"), None);
    assert_eq!(compile(&wat("")).unwrap().declared_isolation(), None);
}
