//! What modules of the SDK import and export: what they use and nothing else, and all of it is used
//! by a guest that runs on both proxies.
#![expect(clippy::expect_used, reason = "what cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;

use tollgate_integration_tests::{repository_root, wasm_module};
use wasmparser::{Parser, Payload};

type Names = BTreeSet<String>;

/// Names that a module imports and exports, and its isolation.
fn module(name: &str) -> (Names, Names, String) {
    let bytes = fs::read(wasm_module(name)).expect("the module is built");
    let (mut imports, mut exports, mut isolation) = (Names::new(), Names::new(), String::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("a module") {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imports.insert(import.expect("an import").name.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    exports.insert(export.expect("an export").name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == "tollgate_isolation" => {
                isolation = String::from_utf8_lossy(section.data()).into_owned();
            }
            _ => {}
        }
    }
    // The linker's own.
    exports.retain(|name| !name.starts_with("__"));
    (imports, exports, isolation)
}

fn names(names: &[&str]) -> Names {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn a_small_filter_has_what_it_uses() {
    let (imports, exports, isolation) = module("examples/hello");
    let calls = [
        "proxy_continue_stream",
        "proxy_get_buffer_bytes",
        "proxy_get_header_map_value",
        "proxy_log",
        "proxy_replace_header_map_value",
        "proxy_send_local_response",
    ];
    assert_eq!(imports, names(&calls));
    let callbacks = [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_http_call_response",
        "proxy_on_memory_allocate",
        "proxy_on_request_headers",
        "proxy_on_tick",
        "tollgate_on_request",
        "tollgate_on_restore",
    ];
    assert_eq!(exports, names(&callbacks));
    assert_eq!(isolation, "stream");
}

#[test]
fn callbacks_that_nothing_asks_for_are_empty() {
    let bytes = fs::read(wasm_module("examples/hello")).expect("the module is built");
    let (mut imported, mut exported, mut sizes) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("a module") {
            Payload::ImportSection(section) => imported = section.into_imports().count(),
            Payload::ExportSection(section) => exported.extend(section.into_iter().flatten()),
            Payload::CodeSectionEntry(body) => sizes.push(body.range().len()),
            _ => {}
        }
    }
    let size = |name: &str| {
        let export = exported.iter().find(|export| export.name == name);
        let index = usize::try_from(export.expect("an export").index).expect("an index");
        sizes[index - imported]
    };
    // Locals and end; a tick that finds no timer and no handler looks its context up.
    assert_eq!(size("proxy_on_http_call_response"), 2);
    assert!(size("proxy_on_tick") < 20, "{}", size("proxy_on_tick"));
    assert!(size("proxy_on_request_headers") > 2);
}

#[test]
fn a_filter_that_waits_shares_the_memory_of_its_worker() {
    let (_, exports, isolation) = module("examples/callout");
    assert_eq!(isolation, "worker");
    assert!(!exports.iter().any(|name| name.starts_with("tollgate_")));
}

#[test]
fn a_module_says_whether_the_end_of_a_stream_is_more_than_memory() {
    let said = |name| {
        let bytes = fs::read(wasm_module(name)).expect("the module is built");
        let sections = Parser::new(0).parse_all(&bytes).flatten();
        let mut found = sections.filter_map(|payload| match payload {
            Payload::CustomSection(section) if section.name() == "tollgate_stream_end" => {
                Some(String::from_utf8_lossy(section.data()).into_owned())
            }
            _ => None,
        });
        found.next()
    };
    assert_eq!(said("examples/hello").as_deref(), Some("silent"));
    // Its streams have a state that must be dropped.
    assert_eq!(said("local_rate_limit").as_deref(), Some("spoken"));
    // What it holds while it waits may have to be.
    assert_eq!(said("examples/callout"), None);
}

/// The names in a source file of the SDK that stand before a parenthesis.
fn declared(file: &str, before: &str) -> Names {
    let path = repository_root().join("sdk/guest/src").join(file);
    let text = fs::read_to_string(path).expect("a source of the SDK");
    let declarations = text.split(before).skip(1);
    let names = declarations.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned()));
    names.collect()
}

#[test]
fn every_call_and_callback_of_the_sdk_has_a_guest() {
    let mut calls = declared("sys/imports/env.rs", "fn ");
    calls.retain(|name| name.starts_with("proxy_") || name.starts_with("envoy_"));
    let callbacks = declared("exports.rs", "extern \"C\" fn ");
    assert!(
        calls.len() > 35 && callbacks.len() > 25,
        "{calls:?} {callbacks:?}"
    );
    let (mut imported, mut exported) = (Names::new(), Names::new());
    for guest in ["guest_lab", "guest_workshop"] {
        let (imports, exports, _) = module(guest);
        imported.extend(imports);
        exported.extend(exports);
    }
    let unused: Vec<_> = calls.difference(&imported).collect();
    assert!(unused.is_empty(), "no guest calls {unused:?}");
    // Envoy calls no function of a plugin, and knows nothing of what is Tollgate's own.
    let exceptions = names(&[
        "proxy_on_foreign_function",
        "tollgate_on_request",
        "tollgate_on_restore",
    ]);
    let unused: Vec<_> = callbacks.difference(&exported).cloned().collect();
    assert_eq!(unused, exceptions.into_iter().collect::<Vec<_>>());
}

/// The getters of attributes that the SDK has: name and path.
fn getters() -> Vec<(String, String)> {
    let source = read("sdk/guest/src/exchange/properties.rs");
    let (_, getters) = source.split_once("\ngetters! {").expect("the getters");
    let getters = getters.lines().filter_map(|line| {
        let (declared, path) = line.trim().strip_suffix("\";")?.split_once(" = b\"")?;
        let (name, _) = declared.split_once(':')?;
        Some((name.to_owned(), path.replace("\\0", ".")))
    });
    getters.collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(repository_root().join(file)).expect("a file of the repository")
}

#[test]
fn every_attribute_of_the_sdk_is_read_by_a_guest() {
    let getters = getters();
    assert!(getters.len() > 70, "{getters:?}");
    let guest = read("integration-tests/guests/workshop/src/surveying.rs");
    let is_unread = |name: &String| !guest.contains(&format!("ex.{name}()"));
    let unread: Vec<_> = getters
        .iter()
        .map(|(name, _)| name)
        .filter(|name| is_unread(name))
        .collect();
    assert!(unread.is_empty(), "no guest reads {unread:?}");
}

#[test]
fn the_page_about_attributes_has_all_of_them() {
    let page = read("docs/attributes.md");
    for (name, path) in getters() {
        assert!(
            page.contains(&format!("\n| `{name}` | `{path}` | ")),
            "{name}, {path}"
        );
    }
}
