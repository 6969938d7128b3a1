//! Crash bundles: the reader, and the replay of what it lets through.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tollgate_runtime::{CrashBundle, Engine, EngineOptions, LoadError, Module};

/// It asks for what a bundle may answer and uses it, and always ends.
const GUEST: &str = r#"(module
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param $size i32) (result i32) (local.get $size))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (call $random (i32.const 64) (i32.const 8)))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $now (i32.const 128)))
        (drop (call $get (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 12)))
        (i32.load8_u (i32.load (i32.const 8)))))"#;

static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let engine = Engine::new(EngineOptions::default()).expect("this machine runs wasm");
    let wasm = wat::parse_str(GUEST).expect("the guest is legal text");
    Module::new(&engine, &wasm).expect("the guest is what a host loads")
});

fuzz_target!(|bytes: &[u8]| {
    if CrashBundle::read(bytes).is_ok() {
        assert!(
            bytes.starts_with(b"tollgate crash bundle 1\n"),
            "another format is read"
        );
    }
    let Ok(bundle) = CrashBundle::read(&CrashBundle::seal(bytes)) else {
        return;
    };
    let _summary = (bundle.summary(), bundle.request_headers().count());
    let _module = bundle.module();
    match bundle.replay(&MODULE) {
        Ok(replay) => drop(format!("{:?}", replay.outcome)),
        // The limits are the bundle's: they may be below what any module needs.
        Err(LoadError::Instantiate(reason)) => assert!(reason.contains("limit"), "{reason}"),
        Err(error) => panic!("the module can be instantiated: {error}"),
    }
});
