//! What is loaded, what is refused, and what start functions may do.

use tollgate_runtime::abi::AbiVersion;
use tollgate_runtime::{FaultKind, LoadError, VmConfig};

use crate::support::{compile, module_text, vm_of};

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) (i32.const 64))"#;

/// A module that loads, of this ABI, with more fields. Imports come first, as the format wants.
fn module(version: &str, fields: &str) -> String {
    let marker = format!(r#"(func (export "proxy_abi_version_{version}"))"#);
    module_text(&format!("{fields}{MEMORY}{MALLOC}{marker}"))
}

fn latest(fields: &str) -> String {
    module("0_2_1", fields)
}

fn refusal(text: &str) -> String {
    compile(text)
        .map(|module| module.abi_version())
        .unwrap_err()
        .to_string()
}

#[test]
fn each_marker_selects_its_abi() {
    for (version, abi) in [
        ("0_1_0", AbiVersion::V0_1_0),
        ("0_2_0", AbiVersion::V0_2_0),
        ("0_2_1", AbiVersion::V0_2_1),
    ] {
        assert_eq!(compile(&module(version, "")).unwrap().abi_version(), abi);
    }
}

#[test]
fn a_module_without_a_marker_is_refused_and_told_what_to_do() {
    let text = refusal(&module_text(&format!("{MEMORY}{MALLOC}")));
    assert!(
        text.contains("no function proxy_abi_version_0_x_y"),
        "{text}"
    );
    assert!(text.contains("SDK"), "{text}");
}

#[test]
fn an_unknown_marker_is_refused_by_name() {
    let text = refusal(&module("0_3_0", ""));
    assert!(text.contains("proxy_abi_version_0_3_0"), "{text}");
}

#[test]
fn a_marker_that_is_no_function_does_not_count() {
    let text = module_text(&format!(
        r#"{MEMORY}{MALLOC}(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#
    ));
    assert!(matches!(
        compile(&text).unwrap_err(),
        LoadError::UnknownAbi { found: None }
    ));
}

#[test]
fn of_two_markers_the_first_exported_wins() {
    let text = module("0_2_0", r#"(func (export "proxy_abi_version_0_1_0"))"#);
    assert_eq!(compile(&text).unwrap().abi_version(), AbiVersion::V0_1_0);
}

#[test]
fn bytes_that_are_no_module_are_refused_wherever_they_end() {
    let whole = wat::parse_str(latest("")).unwrap();
    let engine = crate::support::engine();
    for len in 0..whole.len() {
        assert!(
            tollgate_runtime::Module::new(&engine, &whole[..len]).is_err(),
            "the first {len} of {} bytes were accepted",
            whole.len()
        );
    }
}

#[test]
fn an_unknown_import_is_refused_by_name() {
    let text = refusal(&latest(r#"(import "env" "foo" (func))"#));
    assert!(text.contains("missing import env.foo"), "{text}");
    let text = refusal(&latest(r#"(import "__wbindgen_placeholder__" "x" (func))"#));
    assert!(
        text.contains("build without __wbindgen_placeholder__"),
        "{text}"
    );
}

#[test]
fn an_import_with_another_type_is_refused_with_both_types() {
    let text = refusal(&latest(r#"(import "env" "proxy_log" (func (param i32)))"#));
    assert!(text.contains("env.proxy_log"), "{text}");
    assert!(text.contains("(i32) -> ()"), "{text}");
    assert!(text.contains("(i32, i32, i32) -> (i32)"), "{text}");
}

#[test]
fn an_import_of_another_abi_is_refused_and_says_which() {
    let level = r#"(import "env" "proxy_get_log_level" (func (param i32) (result i32)))"#;
    assert!(compile(&module("0_2_1", level)).is_ok());
    let text = refusal(&module("0_2_0", level));
    assert!(text.contains("exists only in 0.2.1"), "{text}");
}

#[test]
fn the_oldest_abi_alone_has_its_functions_and_lacks_later_ones() {
    for name in [
        "proxy_clear_route_cache",
        "proxy_continue_request",
        "proxy_continue_response",
    ] {
        let import = format!(r#"(import "env" "{name}" (func (result i32)))"#);
        assert!(compile(&module("0_1_0", &import)).is_ok(), "{name}");
        assert!(compile(&module("0_2_1", &import)).is_err(), "{name}");
    }
    let later = r#"(import "env" "proxy_continue_stream" (func (param i32) (result i32)))"#;
    assert!(compile(&module("0_1_0", later)).is_err());
    assert!(compile(&module("0_2_0", later)).is_ok());
}

#[test]
fn both_names_of_wasi_resolve() {
    for name in ["wasi_unstable", "wasi_snapshot_preview1"] {
        let import = format!(r#"(import "{name}" "sched_yield" (func (result i32)))"#);
        assert!(compile(&latest(&import)).is_ok(), "{name}");
    }
}

#[test]
fn an_imported_global_is_refused() {
    let text = refusal(&latest(r#"(import "env" "base" (global i32))"#));
    assert!(text.contains("env.base is a global"), "{text}");
}

#[test]
fn an_imported_memory_and_table_are_made_by_the_host() {
    let text = module_text(&format!(
        r#"(import "env" "memory" (memory 1))
           (import "env" "table" (table 2 funcref))
           (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (func (export "proxy_abi_version_0_2_1")) {MALLOC}
           (func (export "_initialize") (drop (call $log (i32.const 2) @"hello")))"#
    ));
    let (_vm, services) = vm_of(&text, VmConfig::default()).unwrap();
    assert_eq!(services.take_said(), ["hello"]);
}

#[test]
fn a_module_without_an_allocator_is_refused() {
    let text = module_text(&format!(
        r#"{MEMORY}(func (export "proxy_abi_version_0_2_1"))"#
    ));
    assert!(matches!(
        compile(&text).unwrap_err(),
        LoadError::MissingAllocator
    ));
}

#[test]
fn a_module_without_a_memory_is_refused() {
    let text = module_text(&format!(
        r#"{MALLOC}(func (export "proxy_abi_version_0_2_1"))"#
    ));
    assert!(matches!(
        compile(&text).unwrap_err(),
        LoadError::MissingMemory
    ));
}

#[test]
fn a_callback_with_another_type_is_refused_with_both_types() {
    let text = refusal(&latest(
        r#"(func (export "proxy_on_vm_start") (param i32))"#,
    ));
    assert!(text.contains("proxy_on_vm_start"), "{text}");
    assert!(text.contains("(i32) -> ()"), "{text}");
    assert!(text.contains("(i32, i32) -> (i32)"), "{text}");
}

#[test]
fn the_headers_callback_has_two_parameters_in_the_oldest_abi_and_three_later() {
    let two = r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
        (i32.const 0))"#;
    let three = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.const 0))"#;
    assert!(compile(&module("0_1_0", two)).is_ok());
    assert!(compile(&module("0_1_0", three)).is_err());
    assert!(compile(&module("0_2_0", two)).is_err());
    assert!(compile(&module("0_2_0", three)).is_ok());
}

/// A module whose start functions log their names.
fn starting(functions: &[&str]) -> String {
    let mut fields =
        String::from(r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#);
    for name in functions {
        let signature = match *name {
            "main" => "(param i32 i32) (result i32)",
            _ => "",
        };
        let result = if *name == "main" { "(i32.const 0)" } else { "" };
        fields += &format!(
            r#"(func (export "{name}") {signature}
                 (drop (call $log (i32.const 2) @"{name}")) {result})"#
        );
    }
    latest(&fields)
}

#[test]
fn start_functions_run_in_envoys_order() {
    let runs = |functions: &[&str]| {
        vm_of(&starting(functions), VmConfig::default())
            .unwrap()
            .1
            .take_said()
    };
    assert_eq!(runs(&["main", "_initialize"]), ["_initialize", "main"]);
    assert_eq!(runs(&["_start", "_initialize"]), ["_initialize"]);
    assert_eq!(runs(&["_start"]), ["_start"]);
    assert!(runs(&["main"]).is_empty());
}

#[test]
fn a_hostcall_that_start_functions_may_not_make_ends_the_load() {
    let text = latest(
        r#"(import "env" "proxy_set_tick_period_milliseconds" (func $f (param i32) (result i32)))
           (func (export "_initialize") (drop (call $f (i32.const 5))))"#,
    );
    let Err(LoadError::Fault(fault)) = vm_of(&text, VmConfig::default()) else {
        panic!("the module loaded");
    };
    assert_eq!(fault.kind, FaultKind::Trap);
    assert_eq!(fault.callback, "_initialize");
    assert!(
        fault.message.contains("proxy_set_tick_period_milliseconds"),
        "{fault}"
    );
}

#[test]
fn start_functions_may_log_and_ask_for_environment_time_and_random_numbers() {
    let text = latest(
        r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (import "wasi_unstable" "environ_sizes_get" (func $e (param i32 i32) (result i32)))
           (import "wasi_unstable" "args_sizes_get" (func $a (param i32 i32) (result i32)))
           (import "wasi_unstable" "clock_time_get" (func $c (param i32 i64 i32) (result i32)))
           (import "wasi_unstable" "random_get" (func $r (param i32 i32) (result i32)))
           (func (export "_initialize")
             (if (i32.or (call $e (i32.const 0) (i32.const 4))
                   (i32.or (call $a (i32.const 0) (i32.const 4))
                     (i32.or (call $c (i32.const 0) (i64.const 1) (i32.const 8))
                       (call $r (i32.const 0) (i32.const 8)))))
               (then (unreachable)))
             (drop (call $log (i32.const 2) @"started")))"#,
    );
    let (_vm, services) = vm_of(&text, VmConfig::default()).unwrap();
    assert_eq!(services.take_said(), ["started"]);
}

#[test]
fn a_start_section_may_log() {
    let text = latest(
        r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
           (func $begin (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))
           (start $begin)"#,
    );
    let (_vm, services) = vm_of(&text, VmConfig::default()).unwrap();
    assert_eq!(services.take_said(), ["\\x00"]);
}

#[test]
fn every_import_of_every_abi_links_with_the_type_that_modules_must_use() {
    let table = include_str!("every_import.txt");
    for (version, abi) in [("0_1_0", "0.1.0"), ("0_2_0", "0.2.0"), ("0_2_1", "0.2.1")] {
        let imports: String = table
            .lines()
            .filter(|line| !line.is_empty())
            .filter_map(|line| {
                let (versions, import) = line.split_once(' ').unwrap();
                (versions == "all" || versions.split(',').any(|one| one == abi)).then_some(import)
            })
            .collect();
        let module = compile(&module(version, &imports));
        assert!(module.is_ok(), "{version}: {}", module.unwrap_err());
    }
}

#[test]
fn imports_are_known_by_name() {
    let log = r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))"#;
    let module = compile(&latest(log)).unwrap();
    assert!(module.has_import("proxy_log"));
    assert!(!module.has_import("proxy_get_property"));
}
