//! Plugins that do not start: each ends the program with a line that says which and why.

use tollgate_integration_tests::{free_port, wasm_module};

use crate::guests::{CRASH, Guest, SPIN};
use crate::support::{Configuration, Ended, Folder};

/// Runs both commands with a plugin that does not start.
#[track_caller]
fn each_refuses(module: &str, configuration: &str, words: &[&str]) -> Vec<Ended> {
    let folder = Folder::new();
    let text = Configuration::new(free_port(), 1)
        .plugin(module, configuration)
        .text();
    let file = folder.write("envoy.yaml", text);
    let words = [words, &["plugin `guest`", module]].concat();
    let run = |command| {
        let ended = folder.run(&[command, &file]);
        ended.refused(&[&words]);
        assert!(!ended.err.contains("serving"), "{}", ended.err);
        ended
    };
    ["run", "validate"].map(run).into()
}

#[track_caller]
fn refused(guest: &Guest, words: &[&str]) {
    let folder = Folder::new();
    let module = folder.write("module.wasm", guest.bytes());
    each_refuses(&module, "", words);
}

#[test]
fn a_refused_configuration_is_logged_with_the_path_of_its_fault() {
    let module = wasm_module("api_key_auth").display().to_string();
    let configuration = r#"{ "keys": [{ "key": "a", "consumer": "b" }, { "consumer": "c" }] }"#;
    for ended in each_refuses(&module, configuration, &["refused its configuration"]) {
        let log = ended.log_lines().join("\n");
        assert!(log.contains("wasm log root vm: "), "{log}");
        assert!(log.contains("keys[1]"), "{log}");
    }
}

#[test]
fn a_configuration_that_is_no_json_is_refused() {
    let module = wasm_module("local_rate_limit").display().to_string();
    for ended in each_refuses(&module, "rules: none", &["refused its configuration"]) {
        let log = ended.log_lines().join("\n");
        assert!(log.contains("ERROR wasm: wasm log root vm: "), "{log}");
    }
}

#[test]
fn a_plugin_that_refuses_to_start_is_named() {
    refused(
        &Guest::new().vm_start("(i32.const 0)"),
        &["proxy_on_vm_start returned false"],
    );
}

#[test]
fn a_plugin_that_crashes_is_named_with_its_callback() {
    refused(&Guest::new().start(CRASH), &["_initialize", "unreachable"]);
    refused(
        &Guest::new().vm_start(CRASH),
        &["proxy_on_vm_start", "unreachable"],
    );
    refused(
        &Guest::new().configure(CRASH),
        &["proxy_on_configure", "unreachable"],
    );
}

#[test]
fn a_plugin_that_never_ends_its_initialization_is_ended() {
    refused(&Guest::new().start(SPIN), &["_initialize", "deadline"]);
}

#[test]
fn a_plugin_that_never_ends_its_start_is_ended() {
    refused(
        &Guest::new().vm_start(SPIN),
        &["proxy_on_vm_start", "deadline"],
    );
}

#[test]
fn a_plugin_that_never_ends_its_configuration_is_ended() {
    refused(
        &Guest::new().configure(SPIN),
        &["proxy_on_configure", "deadline"],
    );
}
