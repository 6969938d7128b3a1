//! Recording and replaying: what led to a fault brings it about again.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::{
    CrashBundle, Engine, Fault, FaultKind, HttpCallResponse, Limits, Module, ReplayOutcome,
    Symbols, VmConfig,
};

use crate::support::{
    FakeStream, Plugin, Services, engine, on_request_headers, plugin_config, start_module,
    vm_config, wat,
};

/// Asks for a header, a value that all share and the time, and gives up over what it has learned.
const PICKY: &str = r#"
    (drop (call $proxy_get_header_map_value (i32.const 0) @"x-key" (i32.const 0x100) (i32.const 0x104)))
    (drop (call $proxy_get_shared_data @"limit" (i32.const 0x100) (i32.const 0x104) (i32.const 0x108)))
    (drop (call $proxy_get_current_time_nanoseconds (i32.const 0x110)))
    (if (i64.eq (i64.load (i32.const 0x110)) (i64.const 77)) (then
      (if (i32.eq (i32.load8_u (i32.load (i32.const 0x100))) (i32.const 0x39)) (then (call $give_up)))))"#;

const GIVE_UP: &str = "(func $give_up (unreachable))";

fn recorded() -> VmConfig {
    VmConfig {
        is_recorded: true,
        ..vm_config()
    }
}

fn module(engine: &Engine, body: &str) -> Module {
    Module::new(engine, &::wat::parse_str(wat(body)).unwrap()).unwrap()
}

fn picky() -> String {
    format!("{GIVE_UP} {}", on_request_headers(PICKY))
}

/// Starts a plugin in a world where it gives up.
fn started(module: &Module, config: VmConfig) -> Plugin {
    let shared = Arc::<tollgate_runtime::SharedState>::default();
    let lease = shared.lease("vm");
    shared.data().set("vm", b"limit", b"9", 0).unwrap();
    let plugin = start_module(module, config, plugin_config(), Arc::clone(&shared)).unwrap();
    drop(lease);
    plugin.services.now.set(77);
    plugin
}

fn bundle(fault: &Fault, module: &Module) -> CrashBundle {
    let frames = Symbols::new(module.bytes()).resolve(&fault.details.backtrace);
    let bundle = CrashBundle::of(fault, module, &frames).unwrap();
    CrashBundle::read(&bundle.to_bytes()).unwrap()
}

fn crash(plugin: &mut Plugin) -> Fault {
    let (id, _) = plugin.stream(&[("x-key", "secret")]);
    plugin.vm.on_request_headers(id, true).unwrap_err()
}

fn picky_bundle(engine: &Engine) -> (CrashBundle, Module) {
    let module = module(engine, &picky());
    let fault = crash(&mut started(&module, recorded()));
    (bundle(&fault, &module), module)
}

#[test]
fn a_fault_that_is_not_recorded_has_no_bundle() {
    let module = module(&engine(), &picky());
    let fault = crash(&mut started(&module, vm_config()));
    assert_eq!(CrashBundle::of(&fault, &module, &[]), None);
}

#[test]
fn a_bundle_brings_the_fault_about_again_without_the_world() {
    let engine = engine();
    let (bundle, module) = picky_bundle(&engine);
    assert!(bundle.is_of(module.bytes()));
    assert_eq!(&bundle.module().unwrap(), module.bytes());
    let headers: Vec<_> = bundle.request_headers().collect();
    assert_eq!(headers, [(&b"x-key"[..], &b"secret"[..])]);
    let again = Module::new(&engine, &bundle.module().unwrap()).unwrap();
    let replay = bundle.replay(&again).unwrap();
    assert_eq!(replay.outcome, ReplayOutcome::Same);
    assert_eq!(replay.hostcalls, 3);
    assert_eq!(replay.frames[0].function, "give_up");
    assert_eq!(replay.fault.unwrap().kind, FaultKind::Trap);
    assert!(!bundle.has_more_behind_it());
}

#[test]
fn a_rebuilt_module_whose_addresses_differ_has_the_fault_too() {
    let engine = engine();
    let (bundle, _) = picky_bundle(&engine);
    let body = PICKY.replace("0x100", "0x500").replace("0x110", "0x520");
    let body = format!(
        r#"(func $unused (call $show @"something that moves all strings"))
           {GIVE_UP} {}"#,
        on_request_headers(&format!("(drop (memory.grow (i32.const 1))) {body}"))
    );
    let body = body.replace("(i32.const 0x104)", "(i32.const 0x504)");
    let rebuilt = module(&engine, &body);
    assert!(!bundle.is_of(rebuilt.bytes()));
    assert_eq!(
        bundle.replay(&rebuilt).unwrap().outcome,
        ReplayOutcome::Same
    );
}

#[test]
fn a_repaired_module_passes_and_tells_what_it_did_instead() {
    let engine = engine();
    let (bundle, _) = picky_bundle(&engine);
    let silent = module(&engine, &picky().replace("(unreachable)", ""));
    assert_eq!(
        bundle.replay(&silent).unwrap().outcome,
        ReplayOutcome::Passed(None)
    );
    let answers = picky().replace("(unreachable)", "(drop (call $proxy_done))");
    let ReplayOutcome::Passed(Some(call)) =
        bundle.replay(&module(&engine, &answers)).unwrap().outcome
    else {
        panic!("no hostcall after the fault");
    };
    assert_eq!(call, "proxy_done()");
}

#[test]
fn a_module_that_asks_for_something_else_diverges_at_that_hostcall() {
    let engine = engine();
    let (bundle, _) = picky_bundle(&engine);
    let other = module(&engine, &picky().replace("@\"limit\"", "@\"quota\""));
    let ReplayOutcome::Diverged(divergence) = bundle.replay(&other).unwrap().outcome else {
        panic!("no divergence");
    };
    assert_eq!(divergence.hostcall, 2);
    assert!(divergence.recorded.unwrap().contains("\"limit\""));
    assert!(divergence.made.unwrap().contains("\"quota\""));
}

#[test]
fn another_fault_is_not_taken_for_the_same() {
    let engine = engine();
    let (bundle, _) = picky_bundle(&engine);
    let other = picky().replace("$give_up", "$surrender");
    let outcome = bundle.replay(&module(&engine, &other)).unwrap().outcome;
    assert!(matches!(outcome, ReplayOutcome::Other(_)), "{outcome:?}");
}

#[test]
fn an_instance_of_a_snapshot_is_recorded_from_its_vms_start() {
    let engine = engine();
    let module = module(&engine, &picky());
    let mut root = started(&module, recorded());
    let snapshot = root.vm.snapshot().unwrap();
    let services = Rc::new(Services::default());
    services.now.set(77);
    let host: Rc<Services> = Rc::clone(&services);
    let mut vm = snapshot.instantiate(host).unwrap();
    let stream = Rc::new(FakeStream::with_request(&[("x-key", "secret")]));
    let id = vm.create_http_context(root.root, stream);
    let fault = vm.on_request_headers(id, true).unwrap_err();
    let bundle = bundle(&fault, &module);
    assert!(!bundle.has_more_behind_it());
    assert_eq!(bundle.replay(&module).unwrap().outcome, ReplayOutcome::Same);
}

#[test]
fn in_a_shared_vm_only_the_streams_own_steps_are_kept() {
    let engine = engine();
    let module = module(&engine, &picky());
    let mut plugin = started(&module, recorded());
    plugin.services.now.set(1);
    for _ in 0..3 {
        plugin.request(&[("x-key", "other")]);
    }
    plugin.services.now.set(77);
    let fault = crash(&mut plugin);
    assert_eq!(fault.details.recording.as_ref().unwrap().hostcalls(), 3);
    let bundle = bundle(&fault, &module);
    assert!(bundle.has_more_behind_it());
    assert_eq!(bundle.replay(&module).unwrap().outcome, ReplayOutcome::Same);
}

#[test]
fn the_answer_to_a_callout_belongs_to_the_stream_that_sent_it() {
    let engine = engine();
    let body = format!(
        r#"(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
             (drop (call $proxy_set_effective_context (i32.const 2)))
             (call $get (i32.const 0) @"x-key")
             (drop (call $proxy_get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 99)
               (i32.const 0x100) (i32.const 0x104)))
             (if (i32.eq (i32.load8_u (i32.load (i32.const 0x100))) (i32.const 0x6e))
               (then (unreachable))))
           {}"#,
        on_request_headers(
            r#"(drop (call $proxy_http_call @"cluster"
                 @"\03\00\00\00\07\00\00\00\01\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00G\00:path\00/\00:authority\00h\00"
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                 (i32.const 1000) (i32.const 0x100)))"#
        )
    );
    let module = module(&engine, &body);
    let mut plugin = start_module(&module, recorded(), plugin_config(), Arc::default()).unwrap();
    let (id, _) = plugin.stream(&[("x-key", "secret"), ("x-request-id", "r-9")]);
    plugin.vm.on_request_headers(id, false).unwrap();
    let calls = plugin.services.calls.take();
    let (root, token, _) = calls.first().unwrap();
    let answer = HttpCallResponse::Complete {
        headers: Vec::new(),
        body: Bytes::from_static(b"no"),
        trailers: Vec::new(),
    };
    let fault = plugin
        .vm
        .on_http_call_response(*root, *token, answer)
        .unwrap_err();
    assert_eq!(fault.details.request_id.as_deref(), Some("r-9"));
    let bundle = bundle(&fault, &module);
    assert_eq!(bundle.request_headers().count(), 2);
    assert_eq!(bundle.replay(&module).unwrap().outcome, ReplayOutcome::Same);
}

#[test]
fn a_core_dump_is_there_once_where_it_is_asked_for() {
    let engine = Engine::new(tollgate_runtime::EngineOptions {
        coredumps: true,
        ..tollgate_runtime::EngineOptions::default()
    })
    .unwrap();
    let module = module(&engine, &picky());
    let mut plugin = started(&module, vm_config());
    assert_eq!(plugin.vm.coredump(), None);
    let fault = crash(&mut plugin);
    assert_eq!(fault.details.backtrace[0].function, "give_up");
    let core = plugin.vm.coredump().unwrap();
    assert!(core.starts_with(b"\0asm"));
    let has = |text: &[u8]| core.windows(text.len()).any(|part| part == text);
    assert!(has(b"corestack") && has(b"secret"), "no stack or no memory");
    assert_eq!(plugin.vm.coredump(), None);
}

#[test]
fn an_endless_loop_ends_in_its_replay_too() {
    let engine = engine();
    let module = module(
        &engine,
        &on_request_headers("(loop $forever (br $forever))"),
    );
    let vm = VmConfig {
        limits: Limits {
            stream_deadline: Duration::from_millis(30),
            ..Limits::default()
        },
        ..recorded()
    };
    let is_over = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                engine.increment_epoch();
                std::thread::yield_now();
            }
        });
        let fault = crash(&mut started(&module, vm));
        assert_eq!(fault.kind, FaultKind::Deadline);
        let outcome = bundle(&fault, &module).replay(&module).unwrap().outcome;
        is_over.store(true, Ordering::Relaxed);
        outcome
    });
    assert_eq!(outcome, ReplayOutcome::Same);
}
