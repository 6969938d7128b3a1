//! Properties.

use tollgate_runtime::StreamMap;

use crate::support::{callback, on_request_headers, start};

fn says(body: &str) -> Vec<String> {
    start(&on_request_headers(body)).request(&[("a", "b")])
}

#[test]
fn a_path_may_end_with_nul() {
    let said = says(r#"(call $property @"request\00path") (call $property @"request\00path\00")"#);
    assert_eq!(said, ["0", "/from-host", "0", "/from-host"]);
}

#[test]
fn an_empty_path_and_a_namespace_cannot_be_serialized() {
    let said = says(r#"(call $property @"") (call $property @"\00") (call $property @"request")"#);
    assert_eq!(said, ["3", "3", "3"]);
}

#[test]
fn unknown_names_are_not_found_and_bad_pointers_refused() {
    let said = says(
        r#"(call $property @"none") (call $property @"request\00none")
           (call $property (i32.const -1) (i32.const 9))"#,
    );
    assert_eq!(said, ["1", "1", "6"]);
}

#[test]
fn values_have_the_encodings_of_their_types() {
    let said = says(r#"(call $property @"request\00size") (call $property @"connection\00mtls")"#);
    assert_eq!(
        said,
        [
            "0",
            "\\xbb\\x01\\x00\\x00\\x00\\x00\\x00\\x00",
            "0",
            "\\x01"
        ]
    );
}

#[test]
fn the_plugins_own_names_are_there_from_the_start() {
    let read = r#"(call $property @"plugin_name") (call $property @"plugin_root_id")
        (call $property @"plugin_vm_id") (call $property @"plugin_name\00x")"#;
    let body = format!(
        r#"(func (export "proxy_on_context_create") (param i32 i32) {read}) {}"#,
        on_request_headers(read)
    );
    let mut plugin = start(&body);
    let expected = ["0", "plugin", "0", "root", "0", "vm", "1"];
    assert_eq!(plugin.said(), expected);
    assert_eq!(plugin.request(&[]), [expected, expected].concat());
}

#[test]
fn outside_a_stream_only_the_hosts_own_properties_exist_and_none_can_be_set() {
    let body = r#"(func (export "proxy_on_tick") (param i32)
        (call $property @"xds\00node") (call $property @"request\00path")
        (call $say (call $proxy_set_property @"k" @"v")))"#;
    let mut plugin = start(body);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["0", "node", "1", "1"]);
}

#[test]
fn what_is_set_can_be_read_back() {
    let said = says(r#"(call $say (call $proxy_set_property @"k" @"v")) (call $property @"k")"#);
    assert_eq!(said, ["0", "0", "v"]);
}

#[test]
fn what_comes_from_headers_is_gone_with_them() {
    let body = callback(
        "proxy_on_response_headers",
        r#"(call $property @"request\00path") (call $property @"request\00headers\00a")
           (call $property @"request\00headers") (call $property @"request\00headers_bytes")
           (call $property @"request\00size")"#,
        0,
    );
    let mut plugin = start(&body);
    let (id, stream) = plugin.stream(&[(":path", "/")]);
    stream.put(StreamMap::ResponseHeaders, &[]);
    plugin.vm.on_response_headers(id, true).unwrap();
    let said = plugin.said();
    let zero = "\\x00".repeat(8);
    let expected = [
        "1",
        "1",
        "0",
        "\\x00\\x00\\x00\\x00",
        "0",
        &zero,
        "0",
        "\\xbb\\x01\\x00\\x00\\x00\\x00\\x00\\x00",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_comes_from_headers_is_back_when_the_stream_is_logged() {
    let body = r#"(func (export "proxy_on_log") (param i32) (call $property @"request\00path"))"#;
    let mut plugin = start(body);
    let (id, _) = plugin.stream(&[(":path", "/")]);
    plugin.vm.on_log(id).unwrap();
    assert_eq!(plugin.said(), ["0", "/from-host"]);
}
