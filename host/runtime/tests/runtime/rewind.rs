//! Rewound instances: a stream that begins in one sees nothing of the streams before.

use std::sync::Arc;

use tollgate_runtime::{Engine, EngineOptions, Module, Snapshot};

use crate::callout::{call, headers};
use crate::snapshot::instance;
use crate::support::{
    Plugin, compile, engine, on_request_headers, plugin_config, start, start_module, vm_config, wat,
};

/// Each request tells what it finds in memory, low and high, in static data and in a global, and
/// poisons all of it. `proxy_on_tick` changes what streams begin with.
const POISON: &str = r#"
  (global $count (mut i64) (i64.const 7))
  (global $fraction (mut f32) (f32.const 0.5))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (i32.store (i32.const 0x300) (i32.const 7))
    (i32.store (i32.const 0x1fffc) (i32.const 8))
    (i32.const 1))
  (func (export "proxy_on_tick") (param i32)
    (i32.store (i32.const 0x1fffc) (i32.const 9))
    (i32.store (i32.const 0x2e000) (i32.const 10))
    (global.set $count (i64.add (global.get $count) (i64.const 1))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (i32.load (i32.const 0x300)))
    (call $say (i32.load (i32.const 0x1fffc)))
    (call $say (i32.load (i32.const 0x2e000)))
    (call $say (i32.load (i32.const 0x34000)))
    (call $say (i32.wrap_i64 (global.get $count)))
    (call $say (i32.trunc_f32_s (f32.mul (global.get $fraction) (f32.const 8))))
    (memory.fill (i32.const 0x300) (i32.const 0xaa) (i32.const 8))
    (memory.fill (i32.const 0x1f000) (i32.const 0xaa) (i32.const 0x2000))
    (memory.fill (i32.const 0x2e000) (i32.const 0xaa) (i32.const 8))
    (memory.fill (i32.const 0x34000) (i32.const 0xaa) (i32.const 0x6000))
    (global.set $count (i64.const -1))
    (global.set $fraction (f32.const 9))
    (i32.const 0))
"#;
const CLEAN: [&str; 6] = ["7", "8", "0", "0", "7", "4"];

/// Whether this system tells what instances have written.
fn is_possible() -> bool {
    engine().capabilities().pagemap_scan
}

/// Lets a stream run to its end.
fn run_stream(plugin: &mut Plugin) -> Vec<String> {
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    plugin.vm.on_log(id).unwrap();
    plugin.vm.delete_http_context(id).unwrap();
    plugin.said()
}

/// Rewinds an instance and lets it begin again; makes another where that is not possible.
fn begin_again(plugin: &mut Plugin, snapshot: &Snapshot) {
    assert_eq!(plugin.vm.rewind(), is_possible());
    if is_possible() {
        assert!(snapshot.begin_again(&mut plugin.vm).unwrap());
    } else {
        *plugin = instance(snapshot, plugin.root);
    }
}

#[test]
fn nothing_that_a_stream_has_poisoned_is_seen_by_the_next() {
    let mut plugin = start(POISON);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    let new = instance(&snapshot, plugin.root).vm.mark_memory();
    for _ in 0..5 {
        assert_eq!(run_stream(&mut stream), CLEAN);
        begin_again(&mut stream, &snapshot);
        assert_eq!(stream.vm.pages_changed_since(&new), 0);
    }
}

#[test]
fn pages_are_found_that_only_a_later_stream_writes() {
    let mut plugin = start(
        r#"(global (mut i64) (i64.const 0))
           (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
             (local $at i32)
             (local.set $at (i32.shl (local.get $id) (i32.const 12)))
             (call $say (i32.load (local.get $at)))
             (i32.store (local.get $at) (i32.const 1))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    let new = instance(&snapshot, plugin.root).vm.mark_memory();
    for _ in 0..40 {
        assert_eq!(run_stream(&mut stream), ["0"]);
        begin_again(&mut stream, &snapshot);
        assert_eq!(stream.vm.pages_changed_since(&new), 0);
    }
}

#[test]
fn several_instances_take_turns_on_one_thread() {
    let mut plugin = start(POISON);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut streams = [0, 1, 2].map(|_| instance(&snapshot, plugin.root));
    for _ in 0..4 {
        for stream in &mut streams {
            assert_eq!(run_stream(stream), CLEAN);
        }
        for stream in &mut streams {
            begin_again(stream, &snapshot);
        }
    }
}

#[test]
fn a_page_is_found_that_was_written_while_only_others_ended() {
    // The request of a stream writes to one page, its response to one of eight, by its id.
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (i32.store (i32.const 0x400) (i32.const 1))
             (i32.const 0))
           (func (export "proxy_on_response_headers") (param $id i32) (param i32 i32) (result i32)
             (local $at i32)
             (local.set $at (i32.add (i32.const 0x10000)
               (i32.shl (i32.and (local.get $id) (i32.const 7)) (i32.const 12))))
             (call $say (i32.load (local.get $at)))
             (i32.store (local.get $at) (i32.const 1))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut long = instance(&snapshot, plugin.root);
    let mut short = instance(&snapshot, plugin.root);
    let mut end_another = || {
        run_stream(&mut short);
        begin_again(&mut short, &snapshot);
    };
    for _ in 0..40 {
        (0..3).for_each(|_| end_another());
        let (id, _) = long.stream(&[]);
        long.vm.on_request_headers(id, true).unwrap();
        end_another();
        long.vm.on_response_headers(id, true).unwrap();
        end_another();
        long.vm.delete_http_context(id).unwrap();
        assert_eq!(long.said(), ["0"]);
        end_another();
        begin_again(&mut long, &snapshot);
    }
}

#[test]
fn what_the_host_has_written_is_found() {
    // The value of a header goes where the allocator says, where the guest itself writes nothing.
    let guest = r#"(module
           (import "env" "proxy_get_header_map_value"
             (func $get (param i32 i32 i32 i32 i32) (result i32)))
           (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (memory (export "memory") 4)
           (data (i32.const 0x100) "host")
           (func (export "proxy_abi_version_0_2_1"))
           (func (export "malloc") (param i32) (result i32) (i32.const 0x28000))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $log (i32.const 2) (i32.const 0x28000) (i32.const 4)))
             (drop (call $get (i32.const 0) (i32.const 0x100) (i32.const 4)
               (i32.const 0x200) (i32.const 0x204)))
             (drop (call $log (i32.const 2) (i32.const 0x28000) (i32.const 4)))
             (i32.const 0)))"#;
    let module = compile(guest).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for _ in 0..3 {
        let (id, _) = stream.stream(&[("host", "abcd")]);
        stream.vm.on_request_headers(id, true).unwrap();
        stream.vm.delete_http_context(id).unwrap();
        assert_eq!(stream.said(), [r"\x00\x00\x00\x00", "abcd"]);
        begin_again(&mut stream, &snapshot);
    }
}

#[test]
fn changes_of_the_plugin_reach_a_rewound_instance_and_go_again() {
    let mut plugin = start(POISON);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    assert_eq!(run_stream(&mut stream), CLEAN);
    plugin.vm.on_tick(plugin.root).unwrap();
    let changes = plugin.vm.changes_since(&snapshot).unwrap();
    let changed = snapshot.with_changes(changes);
    for _ in 0..2 {
        begin_again(&mut stream, &changed);
        assert_eq!(run_stream(&mut stream), ["7", "9", "10", "0", "8", "4"]);
    }
    begin_again(&mut stream, &snapshot);
    assert_eq!(run_stream(&mut stream), CLEAN);
}

#[test]
fn grown_memory_and_a_fault_are_not_rewound() {
    for ending in ["(drop (memory.grow (i32.const 1)))", "(unreachable)"] {
        let mut plugin = start(&on_request_headers(ending));
        let snapshot = plugin.vm.snapshot().unwrap();
        let mut stream = instance(&snapshot, plugin.root);
        let (id, _) = stream.stream(&[]);
        drop(stream.vm.on_request_headers(id, true));
        drop(stream.vm.delete_http_context(id));
        assert!(!stream.vm.rewind(), "{ending}");
    }
}

#[test]
fn an_instance_that_has_written_everywhere_is_not_rewound() {
    let mut plugin = start(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (memory.grow (i32.const 124))) (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (local $at i32)
             (loop $write
               (i32.store (local.get $at) (i32.const 1))
               (local.set $at (i32.add (local.get $at) (i32.const 12288)))
               (br_if $write (i32.lt_u (local.get $at) (i32.const 0x800000))))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    run_stream(&mut stream);
    assert!(!stream.vm.rewind());
}

#[test]
fn an_instance_with_a_stream_or_a_callout_is_not_rewound() {
    let mut plugin = start(&on_request_headers(&call(&headers("host"), "0", "0x300")));
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    let (id, _) = stream.stream(&[]);
    assert!(!stream.vm.rewind(), "a stream is there");
    stream.vm.on_request_headers(id, true).unwrap();
    stream.vm.delete_http_context(id).unwrap();
    assert_eq!(stream.vm.callouts_in_flight(), 1);
    assert!(!stream.vm.rewind(), "a callout is under way");
}

#[test]
fn the_restore_hook_runs_for_every_stream() {
    let mut plugin = start(
        r#"(func (export "tollgate_on_restore")
             (call $say (i32.load (i32.const 0x400)))
             (i32.store (i32.const 0x400) (i32.const 3)))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say (i32.load (i32.const 0x400))) (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for _ in 0..3 {
        assert_eq!(run_stream(&mut stream), ["0", "3"]);
        begin_again(&mut stream, &snapshot);
    }
}

#[test]
fn metrics_that_a_stream_defines_go_with_it() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $say (call $increment (i32.const 4) (i64.const 1)))
             (drop (call $proxy_define_metric (i32.const 0) @"hits" (i32.const 0x400)))
             (call $say (i32.load (i32.const 0x400)))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for _ in 0..3 {
        assert_eq!(
            run_stream(&mut stream),
            ["1", "4"],
            "there is no metric 4 yet"
        );
        begin_again(&mut stream, &snapshot);
    }
}

#[test]
fn a_fault_after_rewinding_tells_only_of_its_own_stream() {
    let mut plugin = start(
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (param $end i32) (result i32)
             (call $say (i32.const 5))
             (if (local.get $end) (then (unreachable)))
             (i32.const 0))"#,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for _ in 0..3 {
        let (id, _) = stream.stream(&[]);
        stream.vm.on_request_headers(id, false).unwrap();
        stream.vm.delete_http_context(id).unwrap();
        begin_again(&mut stream, &snapshot);
    }
    let (id, _) = stream.stream(&[]);
    let fault = stream.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.details.hostcalls.len(), 1);
}

#[test]
fn an_instance_of_another_snapshot_does_not_begin_again() {
    let mut plugin = start(POISON);
    let (first, second) = (plugin.vm.snapshot().unwrap(), plugin.vm.snapshot().unwrap());
    let mut stream = instance(&first, plugin.root);
    assert!(!second.begin_again(&mut stream.vm).unwrap());
    assert!(!second.begin_again(&mut plugin.vm).unwrap());
    assert!(!plugin.vm.rewind(), "the plugin's own VM is no instance");
}

#[test]
fn where_the_system_does_not_tell_what_was_written_nothing_is_rewound() {
    let engine = Engine::new(EngineOptions {
        pagemap_scan: false,
        ..EngineOptions::default()
    });
    let text = ::wat::parse_str(wat(POISON)).unwrap();
    let module = Module::new(&engine.unwrap(), &text).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    assert_eq!(run_stream(&mut stream), CLEAN);
    assert!(!stream.vm.rewind());
}

#[test]
fn without_a_pool_instances_are_rewound_too() {
    let engine = Engine::new(EngineOptions {
        stream_instances: 0,
        ..EngineOptions::default()
    });
    let text = ::wat::parse_str(wat(POISON)).unwrap();
    let module = Module::new(&engine.unwrap(), &text).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    for _ in 0..3 {
        assert_eq!(run_stream(&mut stream), CLEAN);
        begin_again(&mut stream, &snapshot);
    }
}
