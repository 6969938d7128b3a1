//! What an instance for each stream costs, beside a VM for all of them.
//!
//! `cargo run --release -p tollgate-runtime --example instances`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program, and measures"
)]

use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, Direction, Engine, EngineOptions, HeaderVisitor, HostServices,
    HttpCall, HttpHost, LocalResponse, LogOrigin, Module, PluginConfig, PropertyResult,
    PropertyValue, SharedState, Snapshot, StreamMap, Vm, VmConfig,
};

const STREAMS: u32 = 20_000;

struct Nowhere;

impl HostServices for Nowhere {
    fn log(&self, _origin: LogOrigin<'_>, _level: LogLevel, _message: &[u8]) {}
    fn log_level(&self) -> Option<LogLevel> {
        None
    }
    fn realtime_nanos(&self) -> u64 {
        0
    }
    fn monotonic_nanos(&self) -> u64 {
        0
    }
    fn fill_random(&self, out: &mut [u8]) {
        out.fill(4);
    }
    fn set_tick_period(&self, _root: ContextId, _period: Option<Duration>) {}
    fn start_http_call(
        &self,
        _root: ContextId,
        _token: u32,
        _call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        let (status, reason) = (Status::BadArgument, "no clusters".to_owned());
        Err(CalloutRefusal { status, reason })
    }
    fn property(&self, _path: &[&[u8]]) -> PropertyResult {
        Err(Status::NotFound)
    }
}
/// A stream with one header that counts.
struct OneHeader;

impl HttpHost for OneHeader {
    fn has_map(&self, _map: StreamMap) -> bool {
        true
    }
    fn map_len(&self, _map: StreamMap) -> usize {
        1
    }
    fn map_byte_size(&self, _map: StreamMap) -> usize {
        24
    }
    fn map_value(&self, _map: StreamMap, _name: &[u8], out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"0123456789abcdef");
        true
    }
    fn map_entries(&self, _map: StreamMap, _visit: HeaderVisitor<'_>) {}
    fn map_add(&self, _map: StreamMap, _name: &[u8], _value: &[u8]) {}
    fn map_replace(&self, _map: StreamMap, _name: &[u8], _value: &[u8]) {}
    fn map_remove(&self, _map: StreamMap, _name: &[u8]) {}
    fn map_set(&self, _map: StreamMap, _entries: &[(&[u8], &[u8])]) {}
    fn body_len(&self, _direction: Direction) -> usize {
        0
    }
    fn body_read(&self, _: Direction, _: std::ops::Range<usize>, _: &mut Vec<u8>) {}
    fn body_replace(&self, _: Direction, _: std::ops::Range<usize>, _: &[u8]) {}
    fn property(&self, _path: &[&[u8]]) -> PropertyResult {
        Ok(PropertyValue::text("value"))
    }
    fn set_property(
        &self,
        _path: &[u8],
        _value: &[u8],
        _declaration: &tollgate_runtime::PropertyDeclaration,
    ) -> Result<(), Status> {
        Ok(())
    }
    fn clear_route_cache(&self) {}
    fn continue_stream(&self, _direction: Direction) {}
    fn close_stream(&self) {}
    fn send_local_response(&self, _response: LocalResponse) {}
}

/// A filter that has filled a heap while it was configured. A request reads one header and writes
/// one, and both callbacks write to stack, static data and heap.
fn filter(heap_mib: u32) -> String {
    let end = heap_mib << 20;
    format!(
        r#"(module
  (import "env" "proxy_get_header_map_value"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value"
    (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const 0x12000))
  (data (i32.const 0x1000) "x-key")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 0x20000))
    (loop $fill
      (i32.store (local.get $at) (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $fill (i32.lt_u (local.get $at) (i32.const {end}))))
    (i32.const 1))
  (func $touch
    (i32.store (i32.const 0x800) (i32.const 1))
    (i32.store (i32.const 0x1800) (i32.const 1))
    (i32.store (i32.const 0x20000) (i32.const 1))
    (i32.store (i32.const {last}) (i32.const 1)))
  (func (export "proxy_on_context_create") (param i32 i32) (call $touch))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $touch)
    (drop (call $get (i32.const 0) (i32.const 0x1000) (i32.const 5)
      (i32.const 0x1100) (i32.const 0x1104)))
    (drop (call $replace (i32.const 0) (i32.const 0x1000) (i32.const 5)
      (i32.load (i32.const 0x1100)) (i32.load (i32.const 0x1104))))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $touch) (i32.const 0))
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))"#,
        pages = end >> 16,
        last = end - 64,
    )
}

fn run_stream(vm: &mut Vm, root: ContextId) -> Result<(), Box<dyn Error>> {
    let id = vm.create_http_context(root, Rc::new(OneHeader));
    vm.on_request_headers(id, true)?;
    vm.on_response_headers(id, true)?;
    vm.on_log(id)?;
    vm.delete_http_context(id)?;
    Ok(())
}

/// Makes an instance ready for the next stream; where it cannot be rewound, another one.
fn begin_again(instance: &mut Vm, snapshot: &Snapshot) -> Result<(), Box<dyn Error>> {
    if !instance.rewind() || !snapshot.begin_again(instance)? {
        *instance = snapshot.instantiate(Rc::new(Nowhere))?;
    }
    Ok(())
}

/// The least time of several rounds: noise only adds.
fn measure(
    what: &str,
    mut one: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..8 {
        let start = Instant::now();
        for _ in 0..STREAMS / 8 {
            one()?;
        }
        best = best.min(start.elapsed());
    }
    let each = best.as_nanos() / u128::from(STREAMS / 8);
    println!("{each:>8} ns  {what}");
    Ok(())
}

fn run(options: EngineOptions) -> Result<(), Box<dyn Error>> {
    let engine = Engine::new(options)?;
    println!("{}", engine.capabilities());
    for heap_mib in [1, 2, 4, 8] {
        let start = Instant::now();
        let module = Module::new(&engine, &wat::parse_str(filter(heap_mib))?)?;
        let compiled = start.elapsed();
        let shared: Arc<SharedState> = Arc::default();
        let mut vm = Vm::new(&module, VmConfig::default(), shared, Rc::new(Nowhere))?;
        let root = vm.start_plugin(PluginConfig::default())?;
        let start = Instant::now();
        let snapshot = vm.snapshot()?;
        let taken = start.elapsed();
        println!("{heap_mib} MiB heap: module {compiled:?}, snapshot {taken:?}");
        let services: Rc<dyn HostServices> = Rc::new(Nowhere);
        measure("a stream in the VM of all", || run_stream(&mut vm, root))?;
        measure("a stream in an instance of its own", || {
            run_stream(&mut snapshot.instantiate(Rc::clone(&services))?, root)
        })?;
        measure("an instance that does nothing", || {
            drop(snapshot.instantiate(Rc::clone(&services))?);
            Ok(())
        })?;
        let mut instance = snapshot.instantiate(Rc::clone(&services))?;
        measure("a stream in a rewound instance", || {
            run_stream(&mut instance, root)?;
            begin_again(&mut instance, &snapshot)
        })?;
        let changes = vm.changes_since(&snapshot)?;
        println!("  with {} changed pages:", changes.page_count());
        let changed = snapshot.with_changes(changes);
        measure("a stream in an instance of its own", || {
            run_stream(&mut changed.instantiate(Rc::clone(&services))?, root)
        })?;
        measure("a stream in a rewound instance", || {
            run_stream(&mut instance, root)?;
            begin_again(&mut instance, &changed)
        })?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(EngineOptions::default())?;
    println!("\nwithout a pool");
    run(EngineOptions {
        stream_instances: 0,
        ..EngineOptions::default()
    })
}
