//! Limits: what is refused beyond them, and that the embedder hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollgate_runtime::{
    Direction, Engine, EngineOptions, FaultKind, HttpCallResponse, Limits, Module, QueueLimits,
    SharedLimits, SharedState, StreamMap, VmConfig,
};

use crate::snapshot::instance;
use crate::support::{
    Plugin, callback, compile, on_request_headers, plugin_config, start, start_module, start_with,
    vm_config, wat,
};

fn limited(body: &str, limits: Limits) -> Plugin {
    let vm = VmConfig {
        limits,
        ..vm_config()
    };
    start_with(body, vm, plugin_config()).unwrap()
}

/// Takes the limits that were hit since the last time.
fn hit(plugin: &Plugin) -> Vec<&'static str> {
    plugin.services.limits_hit.take()
}

/// `Status::InternalFailure`.
const REFUSED: &str = "10";

#[test]
fn a_guest_makes_a_header_map_have_only_so_many_entries() {
    let limits = Limits {
        header_count: 4,
        ..Limits::default()
    };
    let mut plugin = limited(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (local $more i32)
             (local.set $more (i32.const 4))
             (loop $add
               (call $say (call $proxy_add_header_map_value (i32.const 0) @"x-a" @"1"))
               (br_if $add (local.tee $more (i32.sub (local.get $more) (i32.const 1)))))
             (call $say (call $proxy_replace_header_map_value (i32.const 0) @"x-a" @"2"))
             (call $say (call $proxy_replace_header_map_value (i32.const 0) @"x-b" @"2"))
             (i32.const 0))"#,
        limits,
    );
    let (id, stream) = plugin.stream(&[(":path", "/")]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["0", "0", "0", REFUSED, "0", "0"]);
    assert_eq!(hit(&plugin), ["header_count"]);
    assert_eq!(stream.map(StreamMap::RequestHeaders).len(), 3);
}

#[test]
fn a_guest_makes_a_header_map_only_so_large() {
    let limits = Limits {
        header_bytes: 20,
        ..Limits::default()
    };
    let mut plugin = limited(
        &on_request_headers(
            r#"(call $say (call $proxy_add_header_map_value (i32.const 0) @"x-a" @"0123456789"))
               (call $say (call $proxy_add_header_map_value (i32.const 0) @"x-b" @"0123456789"))
               (call $say (call $proxy_set_header_map_pairs (i32.const 0)
                 @"\01\00\00\00\03\00\00\00\14\00\00\00x-a\0001234567890123456789\00"))"#,
        ),
        limits,
    );
    assert_eq!(plugin.request(&[]), ["0", REFUSED, REFUSED]);
    assert_eq!(hit(&plugin), ["header_bytes", "header_bytes"]);
}

#[test]
fn a_guest_makes_a_body_only_so_large_and_may_shorten_a_larger_one() {
    let limits = Limits {
        body_bytes: 8,
        ..Limits::default()
    };
    let body = r#"
      (call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 0) @"12345"))
      (call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 99) @"123"))
      (call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 9) (i32.const 0) @"12345"))
      (call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 9) (i32.const 0) @"123456"))
    "#;
    let mut plugin = limited(&callback("proxy_on_request_body", body, 0), limits);
    let (id, stream) = plugin.stream(&[]);
    stream.put_body(Direction::Request, "0123456789");
    plugin.vm.on_request_body(id, true).unwrap();
    assert_eq!(plugin.said(), [REFUSED, "0", "0", REFUSED]);
    assert_eq!(hit(&plugin), ["body_bytes", "body_bytes"]);
    assert_eq!(stream.body(Direction::Request), "12312345");
}

const CALL: &str = r#"
  (func $send
    (call $say (call $proxy_http_call @"cluster"
      @"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00a\00"
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0x300))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $send) (i32.const 0))
"#;

#[test]
fn only_so_many_callouts_wait_for_an_answer() {
    let limits = Limits {
        callouts: 2,
        ..Limits::default()
    };
    let mut plugin = limited(CALL, limits);
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    assert_eq!(plugin.request(&[]), ["0"]);
    assert_eq!(stream.request(&[]), ["0"]);
    assert_eq!(stream.request(&[]), [REFUSED]);
    assert_eq!(hit(&stream), ["callouts"]);
    assert_eq!(plugin.vm.callouts_in_flight(), 1);
    drop(stream);
    let mut stream = instance(&snapshot, plugin.root);
    assert_eq!(
        stream.request(&[]),
        ["0"],
        "a dropped instance waits for nothing"
    );
    assert_eq!(plugin.request(&[]), [REFUSED]);
    let reset = HttpCallResponse::Reset;
    plugin
        .vm
        .on_http_call_response(plugin.root, 4, reset)
        .unwrap();
    assert_eq!(plugin.vm.callouts_in_flight(), 0);
    assert_eq!(plugin.request(&[]), ["0"]);
}

#[test]
fn a_callout_that_could_not_start_does_not_count() {
    let limits = Limits {
        callouts: 1,
        ..Limits::default()
    };
    let mut plugin = limited(CALL, limits);
    let failure = tollgate_runtime::abi::Status::InternalFailure;
    plugin.services.refuses_calls.set(Some(failure));
    assert_eq!(plugin.request(&[]), [REFUSED]);
    plugin.services.refuses_calls.set(None);
    assert_eq!(plugin.request(&[]), ["0"]);
    assert!(hit(&plugin).is_empty());
}

#[test]
fn lines_beyond_the_limit_of_a_second_are_not_written() {
    let limits = Limits {
        log_lines_per_second: 3,
        ..Limits::default()
    };
    let line = r#"(call $show @"line")"#;
    let mut plugin = limited(&on_request_headers(&line.repeat(5)), limits);
    assert_eq!(plugin.request(&[]).len(), 3);
    assert_eq!(hit(&plugin), ["log_lines_per_second"; 2]);
    plugin.services.now.set(5_000_000_000);
    assert_eq!(plugin.request(&[]).len(), 3);
}

#[test]
fn lines_that_are_dropped_anyway_do_not_count() {
    let limits = Limits {
        log_lines_per_second: 1,
        ..Limits::default()
    };
    let mut plugin = limited(
        &on_request_headers(
            r#"(call $say (i32.const 1)) (call $say (i32.const 2)) (call $show @"line")"#,
        ),
        limits,
    );
    assert_eq!(plugin.request(&[]), ["1", "2", "line"]);
}

#[test]
fn what_a_vm_id_may_store_is_the_shared_states() {
    let shared = SharedState::with_limits(
        SharedLimits {
            keys: 1,
            bytes: 100,
        },
        QueueLimits {
            items: 1,
            ..QueueLimits::default()
        },
    );
    let module = compile(&wat(&on_request_headers(
        r#"(call $say (call $proxy_set_shared_data @"a" @"1" (i32.const 0)))
           (call $say (call $proxy_set_shared_data @"b" @"1" (i32.const 0)))
           (drop (call $proxy_register_shared_queue @"queue" (i32.const 0x300)))
           (call $say (call $proxy_enqueue_shared_queue (i32.load (i32.const 0x300)) @"1"))
           (call $say (call $proxy_enqueue_shared_queue (i32.load (i32.const 0x300)) @"2"))"#,
    )))
    .unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::new(shared)).unwrap();
    assert_eq!(plugin.request(&[]), ["0", REFUSED, "0", REFUSED]);
    assert_eq!(hit(&plugin), ["shared_data", "queue_items"]);
}

#[test]
fn memory_that_is_refused_is_heard_of_also_when_the_guest_copes() {
    let limits = Limits {
        memory_bytes: 10 * 65536,
        ..Limits::default()
    };
    let body = on_request_headers("(call $say (memory.grow (i32.const 16)))");
    let mut plugin = limited(&body, limits);
    let snapshot = plugin.vm.snapshot().unwrap();
    assert_eq!(plugin.request(&[]), ["-1"]);
    assert_eq!(hit(&plugin), ["memory_bytes"]);
    let mut stream = instance(&snapshot, plugin.root);
    assert_eq!(
        stream.request(&[]),
        ["-1"],
        "instances have the same limits"
    );
    assert_eq!(hit(&stream), ["memory_bytes"]);
}

#[test]
fn an_instance_that_exhausts_its_memory_is_the_only_one_to_end() {
    let limits = Limits {
        memory_bytes: 64 * 65536,
        ..Limits::default()
    };
    let mut plugin = limited(
        &on_request_headers(
            "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
             (unreachable)",
        ),
        limits,
    );
    let snapshot = plugin.vm.snapshot().unwrap();
    for _ in 0..3 {
        let mut stream = instance(&snapshot, plugin.root);
        let (id, _) = stream.stream(&[]);
        let fault = stream.vm.on_request_headers(id, true).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Memory);
    }
    assert!(!plugin.vm.is_failed());
}

#[test]
fn an_overflow_of_the_stack_ends_one_instance() {
    let mut plugin = start(&format!(
        "(func $deeper (call $deeper)) {}",
        on_request_headers("(call $deeper)")
    ));
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    let (id, _) = stream.stream(&[]);
    let fault = stream.vm.on_request_headers(id, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trap);
    assert!(
        fault.message.contains("call stack exhausted"),
        "{}",
        fault.message
    );
    assert_eq!(fault.details.backtrace[0].function, "deeper");
    assert_eq!(hit(&stream), ["stack_bytes"]);
    assert!(!plugin.vm.is_failed());
}

#[test]
fn a_smaller_stack_ends_sooner() {
    /// How deep a guest gets.
    fn depth(stack_bytes: usize) -> u32 {
        let engine = Engine::new(EngineOptions {
            stack_bytes,
            ..EngineOptions::default()
        });
        let text = wat(&format!(
            r#"(func $deeper
                 (i32.store (i32.const 0x300) (i32.add (i32.load (i32.const 0x300)) (i32.const 1)))
                 (call $say (i32.load (i32.const 0x300)))
                 (call $deeper))
               {}"#,
            on_request_headers("(call $deeper)")
        ));
        let module = Module::new(&engine.unwrap(), &::wat::parse_str(text).unwrap()).unwrap();
        let shared = Arc::default();
        let mut plugin = start_module(&module, vm_config(), plugin_config(), shared).unwrap();
        let (id, _) = plugin.stream(&[]);
        plugin.vm.on_request_headers(id, true).unwrap_err();
        plugin.said().last().unwrap().parse().unwrap()
    }
    assert!(2 * depth(16 * 1024) < depth(128 * 1024));
}

#[test]
fn a_loop_ends_at_its_deadline_with_the_function_it_was_in() {
    let engine = Engine::new(EngineOptions {
        epoch_interval: Duration::from_millis(1),
        ..EngineOptions::default()
    })
    .unwrap();
    let text = wat(&format!(
        "(func $spin (loop $ever (br $ever))) {}",
        on_request_headers("(call $spin)")
    ));
    let module = Module::new(&engine, &::wat::parse_str(text).unwrap()).unwrap();
    let config = VmConfig {
        limits: Limits {
            stream_deadline: Duration::from_millis(5),
            ..Limits::default()
        },
        ..vm_config()
    };
    let mut plugin = start_module(&module, config, plugin_config(), Arc::default()).unwrap();
    let snapshot = plugin.vm.snapshot().unwrap();
    let mut stream = instance(&snapshot, plugin.root);
    let (id, _) = stream.stream(&[]);
    let is_over = AtomicBool::new(false);
    let fault = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                engine.increment_epoch();
                std::thread::yield_now();
            }
        });
        let fault = stream.vm.on_request_headers(id, true).unwrap_err();
        is_over.store(true, Ordering::Relaxed);
        fault
    });
    assert_eq!(fault.kind, FaultKind::Deadline);
    assert_eq!(fault.details.backtrace[0].function, "spin");
    assert_eq!(hit(&stream), ["deadline"]);
    assert!(!plugin.vm.is_failed());
}
