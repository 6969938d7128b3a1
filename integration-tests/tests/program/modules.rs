//! Modules that no host can serve, in a configuration that is right otherwise.

use tollgate_integration_tests::{free_port, wasm_module};

use crate::guests::Guest;
use crate::support::{Configuration, Folder};

/// Both commands refuse a module; the plugin and the module's file are named.
#[track_caller]
fn refused(module: &[u8], words: &[&str]) {
    let folder = Folder::new();
    let path = folder.write("module.wasm", module);
    let text = Configuration::new(free_port(), 1).plugin(&path, "").text();
    let file = folder.write("envoy.yaml", text);
    let words = [words, &["plugin `guest`", &path]].concat();
    folder.run(&["run", &file]).refused(&[&words]);
    let words = [&words[..], &[&file]].concat();
    folder.run(&["validate", &file]).refused(&[&words]);
}

#[test]
fn text_is_no_module() {
    refused(b"(module)", &["not a valid WebAssembly module"]);
}

#[test]
fn a_truncated_module_is_refused() {
    let module = std::fs::read(wasm_module("api_key_auth")).expect("the module is built");
    let half = module.get(..module.len() / 2).expect("half of a module");
    refused(half, &["not a valid WebAssembly module", "end-of-file"]);
}

#[test]
fn a_component_is_no_module() {
    let component = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    refused(&component, &["this is a component", "core module"]);
}

#[test]
fn a_module_without_marker_is_told_to_use_an_sdk() {
    let module = Guest::new().without_marker().bytes();
    refused(&module, &["proxy_abi_version", "Proxy-Wasm SDK"]);
}

#[test]
fn an_unknown_import_is_named() {
    let module = Guest::new().imports(r#"(import "env" "proxy_no_such_call" (func))"#);
    refused(&module.bytes(), &["env.proxy_no_such_call"]);
}

#[test]
fn an_import_of_another_type_is_named_with_both_types() {
    let module = Guest::new().imports(r#"(import "env" "proxy_log" (func (param i64)))"#);
    refused(&module.bytes(), &["env.proxy_log", "rebuild"]);
}

#[test]
fn a_module_without_allocator_is_told_what_to_export() {
    let module = Guest::new().without_allocator().bytes();
    refused(&module, &["proxy_on_memory_allocate", "export one"]);
}

#[test]
fn an_empty_module_is_named() {
    let folder = Folder::new();
    let path = folder.write("module.wasm", "");
    let file = Configuration::new(free_port(), 1).plugin(&path, "").text();
    let file = folder.write("envoy.yaml", file);
    for command in ["run", "validate"] {
        folder
            .run(&[command, &file])
            .refused(&[&["plugin `guest`", "empty"]]);
    }
}

#[test]
fn a_missing_module_is_named_where_the_file_names_it() {
    let folder = Folder::new();
    let path = folder.path("module.wasm");
    let file = Configuration::new(free_port(), 1).plugin(&path, "").text();
    let file = folder.write("envoy.yaml", file);
    for command in ["run", "validate"] {
        let words = [&*file, "code.local.filename", &path, "no such file"];
        folder.run(&[command, &file]).refused(&[&words]);
    }
}
