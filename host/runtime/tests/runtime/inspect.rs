//! Reports about modules.

use tollgate_runtime::abi::AbiVersion;
use tollgate_runtime::inspect::inspect;

use crate::support::wat;

#[test]
fn a_good_module_is_described_and_not_refused() {
    let report = inspect(&::wat::parse_str(wat("")).unwrap()).unwrap();
    assert_eq!(report.abi, Some(AbiVersion::V0_2_1));
    assert_eq!(report.markers, ["proxy_abi_version_0_2_1"]);
    assert!(report.refusals.is_empty(), "{:?}", report.refusals);
    let log = report
        .imports
        .iter()
        .find(|import| import.name == "proxy_log")
        .unwrap();
    assert_eq!(log.module, "env");
    assert_eq!(log.signature.as_deref(), Some("(i32, i32, i32) -> (i32)"));
    let memory = report
        .exports
        .iter()
        .find(|export| export.name == "memory")
        .unwrap();
    assert_eq!((memory.kind, &memory.signature), ("memory", &None));
    assert_eq!(report.memory.unwrap().initial_pages, 4);
    assert!(
        report
            .custom_sections
            .iter()
            .any(|section| section.name == "name")
    );
}

#[test]
fn every_reason_for_a_refusal_is_listed() {
    let text = r#"(module (import "env" "foo" (func)) (import "env" "g" (global i32))
        (func (export "proxy_abi_version_0_2_1")) (func (export "proxy_on_tick")))"#;
    let report = inspect(&::wat::parse_str(text).unwrap()).unwrap();
    let all = report.refusals.join("\n");
    for part in [
        "env.foo",
        "env.g is a global",
        "proxy_on_tick",
        "memory",
        "malloc",
    ] {
        assert!(all.contains(part), "{part} is missing in {all}");
    }
    assert_eq!(report.refusals.len(), 5);
}

#[test]
fn what_only_envoy_would_refuse_is_said_apart() {
    let import =
        r#"(import "wasi_snapshot_preview1" "proc_raise" (func (param i32) (result i32)))"#;
    let report = inspect(&::wat::parse_str(wat(import)).unwrap()).unwrap();
    assert!(report.refusals.is_empty());
    assert_eq!(report.envoy_refusals.len(), 1);
    assert!(report.envoy_refusals[0].contains("proc_raise"));
}

#[test]
fn bytes_that_are_no_module_are_an_error_that_says_so() {
    let error = inspect(b"not wasm").unwrap_err().to_string();
    assert!(
        error.starts_with("not a valid WebAssembly module: "),
        "{error}"
    );
}

#[test]
fn a_component_is_told_apart_from_a_module() {
    let error = inspect(b"\0asm\x0d\0\x01\0").unwrap_err().to_string();
    assert!(error.contains("component"), "{error}");
}
