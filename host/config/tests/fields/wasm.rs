//! Wasm plugins.

use std::path::PathBuf;
use std::time::Duration;

use tollgate_config::{
    DataSource, FailurePolicy, HttpFilterKind, LoadOptions, PluginConfig, parse,
};

use crate::{manager, read};

fn plugin(index: usize) -> PluginConfig {
    let bootstrap = read("wasm.yaml");
    let HttpFilterKind::Wasm(plugin) = &manager(&bootstrap).http_filters[index].kind else {
        panic!("not a wasm filter")
    };
    plugin.clone()
}

#[test]
fn a_plugin_reads_all_of_its_fields() {
    let plugin = plugin(0);
    assert_eq!(
        (plugin.name.as_str(), plugin.root_id.as_str()),
        ("text", "root")
    );
    assert_eq!(plugin.failure_policy, FailurePolicy::FailReload);
    assert_eq!(plugin.reload_config.base_interval, Duration::from_secs(2));
    assert!(plugin.allow_on_headers_stop_iteration);
    let capabilities: Vec<_> = plugin.allowed_capabilities.into_iter().flatten().collect();
    assert_eq!(
        capabilities,
        ["proxy_log", "proxy_on_configure", "proxy_on_vm_start"]
    );
}

#[test]
fn a_vm_reads_all_of_its_fields() {
    let vm = plugin(0).vm_config;
    assert_eq!(vm.vm_id, "shared");
    assert_eq!(
        vm.code,
        DataSource::File(PathBuf::from("tests/files/plugin.wasm"))
    );
    assert_eq!(vm.configuration, [0, 1, 2].as_slice());
    // The variable that the host does not have is left out.
    let environment = [("ANSWER", "42"), ("LANG", "C")];
    assert_eq!(
        vm.environment,
        environment.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_string_value_arrives_as_its_text() {
    assert_eq!(plugin(0).configuration, r#"{"header": "x-hello"}"#);
}

#[test]
fn a_struct_arrives_serialized_with_sorted_keys() {
    let expected =
        b"\x0a\x16\x0a\x01a\x12\x112\x0f\x0a\x02 \x01\x0a\x02\x08\x00\x0a\x05\x1a\x031.5\
        \x0a\x0e\x0a\x01b\x12\x09\x11\x00\x00\x00\x00\x00\x00\xf0?\
        \x0a\x14\x0a\x01c\x12\x0f*\x0d\x0a\x0b\x0a\x01d\x12\x06\x1a\x04text";
    assert_eq!(plugin(1).configuration, expected.as_slice());
}

#[test]
fn a_plugin_has_envoys_defaults() {
    let plugin = plugin(1);
    assert_eq!(plugin.failure_policy, FailurePolicy::LegacyFailOpen);
    assert_eq!(plugin.reload_config.base_interval, Duration::from_secs(1));
    assert!(!plugin.allow_on_headers_stop_iteration);
    assert_eq!(plugin.allowed_capabilities, None);
    assert_eq!(plugin.vm_config.configuration, "");
    let bootstrap = read("wasm.yaml");
    assert!(manager(&bootstrap).http_filters[1].disabled);
}

#[test]
fn each_failure_policy_is_read() {
    let template = std::fs::read_to_string("tests/files/ok/wasm.yaml").unwrap();
    for (written, policy) in [
        ("UNSPECIFIED", FailurePolicy::FailClosed),
        ("FAIL_CLOSED", FailurePolicy::FailClosed),
        ("FAIL_OPEN", FailurePolicy::FailOpen),
        ("FAIL_RELOAD", FailurePolicy::FailReload),
    ] {
        let text = template.replace("fail_reload", written);
        let loaded = parse(&text, "wasm.yaml", &LoadOptions::default()).unwrap();
        let HttpFilterKind::Wasm(plugin) = &manager(&loaded.bootstrap).http_filters[0].kind else {
            panic!("not a wasm filter")
        };
        assert_eq!(plugin.failure_policy, policy, "{written}");
    }
}

#[test]
fn code_may_stand_in_the_file_or_in_a_variable() {
    let template = std::fs::read_to_string("tests/files/ok/wasm.yaml").unwrap();
    let variable = std::env::vars_os().next().unwrap().0.into_string().unwrap();
    let environment = format!("environment_variable: {variable}");
    for (written, code) in [
        (
            "inline_bytes: AGFzbQ==",
            DataSource::Inline(b"\0asm".as_slice().into()),
        ),
        ("inline_string: text", DataSource::Inline("text".into())),
        (
            environment.as_str(),
            DataSource::EnvironmentVariable(variable),
        ),
    ] {
        let text = template.replacen("filename: tests/files/plugin.wasm", written, 1);
        let loaded = parse(&text, "wasm.yaml", &LoadOptions::default()).unwrap();
        let HttpFilterKind::Wasm(plugin) = &manager(&loaded.bootstrap).http_filters[0].kind else {
            panic!("not a wasm filter")
        };
        assert_eq!(plugin.vm_config.code, code);
    }
}
