//! Reports about modules.

use tollgate_runtime::Isolation;
use tollgate_runtime::abi::AbiVersion;
use tollgate_runtime::inspect::{Host, Report, Support, inspect};

use crate::support::{on_request_headers, start, wat};

fn report(text: &str) -> Report {
    inspect(&::wat::parse_str(text).unwrap()).unwrap()
}

/// A module that imports one function, of the ABI version.
fn importing(abi: &str, module: &str, name: &str, signature: &str) -> Report {
    report(&format!(
        r#"(module (import "{module}" "{name}" (func {signature}))
        (memory (export "memory") 1)
        (func (export "malloc") (param i32) (result i32) (i32.const 64))
        (func (export "proxy_abi_version_{abi}")))"#
    ))
}

fn cells(report: &Report) -> Vec<String> {
    let cells = report.support[0].cells.iter();
    cells.map(ToString::to_string).collect()
}

#[test]
fn a_good_module_is_described_and_not_refused() {
    let report = report(&wat(""));
    assert_eq!(report.abi, Some(AbiVersion::V0_2_1));
    assert_eq!(report.markers, ["proxy_abi_version_0_2_1"]);
    assert!(report.loads_on(Host::Tollgate) && report.loads_on(Host::Envoy136));
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
fn every_reason_for_a_refusal_is_listed_with_a_remedy() {
    let report = report(
        r#"(module (import "env" "foo" (func)) (import "env" "g" (global i32))
        (func (export "proxy_abi_version_0_2_1")) (func (export "proxy_on_tick")))"#,
    );
    let all: Vec<_> = report.refusals.iter().map(ToString::to_string).collect();
    let text = all.join("\n");
    for part in [
        "env.foo",
        "env.g is a global",
        "proxy_on_tick",
        "memory",
        "malloc",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(report.refusals.len(), 5);
    for refusal in &report.refusals {
        assert!(refusal.to_string().starts_with("Envoy and Tollgate: "));
        assert!(!refusal.remedy.is_empty(), "{refusal}");
    }
}

#[test]
fn what_only_envoy_would_refuse_is_said_apart() {
    let (wasi, type_) = ("wasi_snapshot_preview1", "(param i32) (result i32)");
    let report = importing("0_2_1", wasi, "proc_raise", type_);
    assert!(report.loads_on(Host::Tollgate));
    assert!(!report.loads_on(Host::Envoy140));
    assert_eq!(report.refusals.len(), 1);
    let text = report.refusals[0].to_string();
    assert!(text.starts_with("Envoy: "), "{text}");
    assert!(text.contains("proc_raise"), "{text}");
}

#[test]
fn what_older_envoys_lack_names_the_version_that_has_it() {
    let type_ = "(param i32 i32) (result i32)";
    let report = importing("0_2_1", "wasi_unstable", "clock_res_get", type_);
    assert_eq!(cells(&report), ["no", "no", "no", "yes", "yes", "?", "yes"]);
    let text = report.refusals[0].to_string();
    assert!(text.starts_with("Envoy 1.36 to 1.38: "), "{text}");
    assert!(text.contains("run Envoy 1.39 or later"), "{text}");
}

#[test]
fn a_function_of_another_abi_version_is_missing_everywhere_but_in_nginx() {
    let report = importing("0_2_0", "env", "proxy_clear_route_cache", "(result i32)");
    assert_eq!(
        cells(&report),
        ["no", "no", "no", "no", "no", "traps", "no"]
    );
    assert_eq!(report.refusals.len(), 1, "{:?}", report.refusals);
}

#[test]
fn a_function_of_another_type_is_known_and_refused() {
    let report = importing("0_2_1", "env", "proxy_log", "(param i32)");
    assert_eq!(cells(&report), ["type"; 7]);
}

#[test]
fn nginx_is_known_to_lack_some_hostcalls_and_to_refuse_the_module() {
    let report = importing(
        "0_2_1",
        "env",
        "proxy_get_header_map_size",
        "(param i32 i32) (result i32)",
    );
    assert_eq!(report.support[0].on(Host::NgxWasmModule), Support::Missing);
    let text = report.refusals[0].to_string();
    assert!(text.starts_with("ngx_wasm_module: "), "{text}");
}

#[test]
fn a_module_that_calls_foreign_functions_is_told_who_has_which() {
    let type_ = "(param i32 i32 i32 i32 i32 i32) (result i32)";
    let report = importing("0_2_1", "env", "proxy_call_foreign_function", type_);
    let sign = report
        .foreign_functions
        .iter()
        .find(|row| row.name == "sign");
    let sign = sign.unwrap();
    assert_eq!(sign.on(Host::Envoy136), Support::Missing);
    assert_eq!(sign.on(Host::Envoy137), Support::Provided);
    let none = importing("0_2_1", "env", "proxy_done", "(result i32)");
    assert!(none.foreign_functions.is_empty());
}

#[test]
fn every_foreign_function_that_tollgate_is_said_to_have_is_there() {
    let type_ = "(param i32 i32 i32 i32 i32 i32) (result i32)";
    let report = importing("0_2_1", "env", "proxy_call_foreign_function", type_);
    let answer = |name: &str| {
        let call = format!(
            r#"(call $say (call $proxy_call_foreign_function @"{name}"
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#
        );
        start(&on_request_headers(&call)).request(&[]).concat()
    };
    let not_found = "1";
    assert_eq!(answer("nope"), not_found);
    for row in &report.foreign_functions {
        assert_eq!(row.on(Host::Tollgate), Support::Provided);
        // Without arguments it names no filter state, which is not found either.
        if row.name != "set_envoy_filter_state" {
            assert_ne!(answer(&row.name), not_found, "{}", row.name);
        }
    }
}

#[test]
fn every_import_that_tollgate_links_has_a_row_that_says_so() {
    let all = wat("");
    let report = report(&all);
    assert_eq!(report.support.len(), report.imports.len());
    for row in &report.support {
        assert_eq!(row.on(Host::Tollgate), Support::Provided, "{}", row.name);
        assert_ne!(row.on(Host::Envoy140), Support::Unknown, "{}", row.name);
    }
}

#[test]
fn exports_that_no_host_calls_are_noted_with_the_right_name() {
    let report = report(
        r#"(module (memory (export "memory") 1)
        (func (export "malloc") (param i32) (result i32) (i32.const 64))
        (func (export "_initialize")) (func (export "_start"))
        (func (export "proxy_on_foreign_function") (param i32 i32 i32))
        (func (export "proxy_on_grpc_trailing_metadata") (param i32 i32 i32))
        (func (export "proxy_abi_version_0_1_0"))
        (func (export "proxy_abi_version_0_2_1")))"#,
    );
    let notes = report.notes.join("\n");
    for part in [
        "export it as proxy_on_grpc_receive_trailing_metadata",
        "proxy_on_foreign_function is never called: ABI 0.1.0",
        "proxy_abi_version_0_2_1 has no effect",
        "_start is never called",
    ] {
        assert!(notes.contains(part), "{part} is missing in {notes}");
    }
    assert!(report.refusals.is_empty());
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

#[test]
fn isolation_and_what_stands_in_its_way_are_shown() {
    let plain = report(&wat(r#"(@custom "tollgate_isolation" "stream")"#));
    assert_eq!(plain.isolation, Some(Isolation::Stream));
    assert_eq!(plain.snapshot_obstacle, None);
    let report = report(&wat(
        "(table 1 funcref) (func $rebind (table.set (i32.const 0) (ref.null func)))",
    ));
    assert_eq!(report.isolation, None);
    let obstacle = report.snapshot_obstacle.unwrap().to_string();
    assert!(obstacle.contains("`rebind` uses table.set"), "{obstacle}");
}

#[test]
fn only_tollgate_minds_the_type_of_its_own_callback() {
    let report = report(&wat(r#"(func (export "tollgate_on_restore") (param i32))"#));
    let mut refusals = report.refusals.iter();
    let own = refusals.find(|it| it.reason.contains("tollgate_on_restore"));
    assert_eq!(own.unwrap().hosts, [Host::Tollgate]);
}
