//! The log line of a refused hostcall.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use std::sync::Arc;

use tollgate_runtime::VmConfig;
use tollgate_runtime::abi::AbiVersion;
use tollgate_runtime::inspect::{ReportItem, provided};

use crate::support::{compile, on_request_headers, plugin_config, start, start_module, vm_config};

thread_local! {
    /// What was logged on this thread, which is one test's.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes each event of the target as one text.
///
/// It serves the whole process: a subscriber of one thread would race with other tests for what
/// `tracing` remembers of each call site.
struct Lines;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tollgate::hostcall" && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        LINES.with_borrow_mut(|lines| lines.push(text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn lines(body: &str) -> Vec<String> {
    listen();
    start(&on_request_headers(body)).request(&[("a", "b")]);
    LINES.take()
}

fn listen() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Lines).unwrap());
    LINES.take();
}

/// Calls one import with all bits of every argument set, with these capabilities. Returns what the
/// guest is told, and the lines.
fn call_wildly(import: &ReportItem, abi: AbiVersion, config: VmConfig) -> (u32, Vec<String>) {
    let ReportItem { module, name, .. } = import;
    let signature = import.signature.as_deref().unwrap();
    let (params, results) = signature.split_once(" -> ").unwrap();
    let types = |list: &str| list.trim_matches(['(', ')']).replace(", ", " ");
    let (params, results) = (types(params), types(results));
    let arguments: Vec<_> = params
        .split_whitespace()
        .map(|kind| format!("({kind}.const -1)"))
        .collect();
    let call = format!("(call $import {})", arguments.join(" "));
    let keep = if results.is_empty() {
        call
    } else {
        format!("(global.set $result {call})")
    };
    let marker = abi.marker();
    let headers = if abi == AbiVersion::V0_1_0 {
        "i32 i32"
    } else {
        "i32 i32 i32"
    };
    let text = format!(
        r#"(module
        (import "{module}" "{name}" (func $import (param {params}) (result {results})))
        (import "env" "proxy_set_tick_period_milliseconds"
          (func $tell (param i32) (result i32)))
        (memory (export "memory") 1) (global $result (mut i32) (i32.const 0))
        (func (export "malloc") (param i32) (result i32) (i32.const 0))
        (func (export "{marker}")) (func (export "proxy_on_tick") (param i32))
        (func (export "proxy_on_request_headers") (param {headers}) (result i32)
          {keep} (drop (call $tell (global.get $result))) (i32.const 0)))"#
    );
    listen();
    let module = compile(&text).unwrap();
    let mut plugin = start_module(&module, config, plugin_config(), Arc::default()).unwrap();
    plugin.request(&[("a", "b")]);
    let told = plugin.services.last_tick_period();
    (told, LINES.take())
}

#[test]
fn a_refusal_is_one_warning_with_decoded_arguments() {
    let said = lines(
        r#"(drop (call $proxy_get_header_map_value (i32.const 2) @"x-id" (i32.const 256) (i32.const 260)))"#,
    );
    assert_eq!(said.len(), 1, "{said:?}");
    let line = &said[0];
    assert!(
        line.starts_with("WARN hostcall=\"proxy_get_header_map_value\""),
        "{line}"
    );
    let arguments = r#"args=map=HttpResponseHeaders key="x-id" value_ptr=*0x100 value_size=*0x104"#;
    assert!(line.contains(arguments), "{line}");
    assert!(line.contains("status=BadArgument (2)"), "{line}");
    assert!(line.contains("not available in this callback"), "{line}");
    assert!(line.contains("plugin=\"plugin\""), "{line}");
}

#[test]
fn what_is_not_found_is_for_debugging_only() {
    let said = lines(
        r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"none" (i32.const 256) (i32.const 260)))"#,
    );
    assert!(said[0].starts_with("DEBUG "), "{said:?}");
}

#[test]
fn a_success_writes_no_line() {
    assert!(lines(r#"(call $get (i32.const 0) @"a")"#).is_empty());
}

#[test]
fn a_wild_pointer_is_shown_as_a_number() {
    let said = lines("(drop (call $proxy_log (i32.const 2) (i32.const -1) (i32.const 9)))");
    assert!(
        said[0].contains("level=Info message=*0xffffffff+9 (outside memory)"),
        "{said:?}"
    );
}

#[test]
fn a_long_argument_is_cut() {
    let said = lines("(drop (call $proxy_log (i32.const 9) (i32.const 0x10000) (i32.const 70)))");
    assert!(said[0].contains("level=9"), "{said:?}");
    assert!(said[0].contains("… (70 bytes)"), "{said:?}");
}

#[test]
fn a_malformed_map_is_accepted_as_empty_with_a_warning() {
    let said = lines(r#"(drop (call $proxy_set_header_map_pairs (i32.const 0) @"garbage"))"#);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("counts as empty: the map has more than 1024 pairs"),
        "{said:?}"
    );
}

/// Every import with an ABI version that has it.
fn all_imports() -> Vec<(ReportItem, AbiVersion)> {
    let mut all: Vec<(ReportItem, AbiVersion)> = Vec::new();
    for abi in AbiVersion::ALL.iter().rev() {
        for import in provided(*abi) {
            if !all.iter().any(|(known, _)| *known == import) {
                all.push((import, *abi));
            }
        }
    }
    all
}

#[test]
fn every_import_that_refuses_says_so_in_one_line_with_arguments_status_and_reason() {
    let all = all_imports();
    assert_eq!(all.len(), 92);
    let mut refusals = 0;
    for (import, abi) in &all {
        let name = import.name.as_str();
        let (status, lines) = call_wildly(import, *abi, vm_config());
        // Told by its own result: what it did is not undone.
        let is_status = status != 0 && !NO_STATUS.contains(&name);
        assert_eq!(
            lines.len(),
            usize::from(is_status),
            "{name} {status}: {lines:?}"
        );
        for line in lines {
            refusals += 1;
            assert!(line.contains(&format!("hostcall=\"{name}\"")), "{line}");
            assert!(line.contains(" args="), "{line}");
            assert!(line.contains(" reason="), "{line}");
            let number = line.contains(&format!("({status})"));
            assert!(
                number || line.contains(&format!("status={status}")),
                "{line}"
            );
        }
    }
    assert!(refusals > 60, "{refusals}");
}

/// Imports whose result is none of a status.
const NO_STATUS: &[&str] = &["pthread_equal"];

#[test]
fn every_import_that_a_capability_lacks_says_so_in_one_line() {
    let capabilities = [
        "proxy_on_request_headers",
        "proxy_set_tick_period_milliseconds",
    ];
    let config = || VmConfig {
        allowed_capabilities: Some(capabilities.map(str::to_owned).into()),
        ..vm_config()
    };
    for (import, abi) in &all_imports() {
        let name = import.name.as_str();
        let (status, lines) = call_wildly(import, *abi, config());
        let is_free = [
            "pthread_equal",
            "emscripten_notify_memory_growth",
            "envoy_resolve_dns",
        ];
        if is_free.contains(&name) || capabilities.contains(&name) {
            continue;
        }
        let has_result = name != "proc_exit";
        let expected = if import.module == "env" { 10 } else { 76 };
        assert_eq!(status, if has_result { expected } else { 0 }, "{name}");
        assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        let line = &lines[0];
        assert!(line.contains(&format!("hostcall=\"{name}\"")), "{line}");
        assert!(line.contains(" args="), "{line}");
        assert!(line.contains("allowed_capabilities"), "{line}");
    }
}
