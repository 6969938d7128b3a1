//! HTTP callouts, and the functions that do not exist here.

use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::HttpCallResponse;
use tollgate_runtime::abi::Status;

use crate::support::{on_request_headers, start};

/// The headers of a request, serialized: `:method: GET`, `:path: /`, and a third one.
pub(crate) fn headers(third: &str) -> String {
    format!(
        r#"@"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\{len:02x}\00\00\00\01\00\00\00:Method\00GET\00:path\00/\00{third}\00h\00""#,
        len = third.len()
    )
}

pub(crate) fn call(headers: &str, timeout: &str, token: &str) -> String {
    format!(
        r#"(call $say (call $proxy_http_call @"auth" {headers} @"body" (i32.const 0) (i32.const 0)
             (i32.const {timeout}) (i32.const {token})))
           (call $say (i32.load (i32.const 0x300)))"#
    )
}

#[test]
fn a_callout_reaches_the_host_with_its_token() {
    let body = call(&headers(":authority"), "50", "0x300") + &call(&headers("host"), "0", "0x300");
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["0", "4", "0", "8"]);
    let calls = plugin.services.calls.take();
    let (root, token, first) = &calls[0];
    assert_eq!((*root, *token), (plugin.root, 4));
    assert_eq!(first.upstream, "auth");
    assert_eq!(
        first.headers[0],
        (Bytes::from_static(b":method"), Bytes::from_static(b"GET"))
    );
    assert_eq!(first.body, "body");
    assert_eq!(first.timeout, Some(Duration::from_millis(50)));
    assert_eq!(calls[1].2.timeout, None);
}

#[test]
fn an_incomplete_callout_is_refused_and_its_token_is_0() {
    let reset = "(i32.store (i32.const 0x300) (i32.const 77))";
    let body = [
        call(&headers("x-other"), "50", "0x300"),
        call("(i32.const 0) (i32.const 0)", "50", "0x300"),
        call(&headers("host"), "0x80000000", "0x300"),
    ]
    .map(|call| reset.to_owned() + &call)
    .concat();
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["2", "0", "2", "0", "2", "0"]);
    assert!(plugin.services.calls.borrow().is_empty());
}

#[test]
fn a_callout_whose_token_cannot_be_written_is_not_made() {
    let body =
        call(&headers("host"), "0", "-1") + &call("(i32.const -1) (i32.const 9)", "0", "0x300");
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["6", "0", "6", "0"]);
    assert!(plugin.services.calls.borrow().is_empty());
}

#[test]
fn the_hosts_refusal_is_the_guests_status() {
    let mut plugin = start(&on_request_headers(&call(&headers("host"), "0", "0x300")));
    plugin.services.refuses_calls.set(Some(Status::BadArgument));
    assert_eq!(plugin.request(&[]), ["2", "0"]);
    plugin
        .services
        .refuses_calls
        .set(Some(Status::InternalFailure));
    assert_eq!(plugin.request(&[]), ["10", "0"]);
    plugin.services.refuses_calls.set(None);
    assert_eq!(
        plugin.request(&[]),
        ["0", "8"],
        "only the second refusal used up a token"
    );
}

const ON_RESPONSE: &str = r#"
  (func $status
    (call $check (call $proxy_get_status (i32.const 0x300) (i32.const 0x100) (i32.const 0x104)))
    (call $say (i32.load (i32.const 0x300))))
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (call $say (local.get 0)) (call $say (local.get 1)) (call $say (local.get 2))
    (call $say (local.get 3)) (call $say (local.get 4))
    (call $get (i32.const 6) @":Status") (call $get (i32.const 7) @"t") (call $read (i32.const 4))
    (call $say (call $proxy_remove_header_map_value (i32.const 6) @":status"))
    (call $status))
  (func (export "proxy_on_tick") (param i32)
    (call $get (i32.const 6) @":status") (call $read (i32.const 4)) (call $status))
"#;

#[test]
fn a_response_can_be_read_in_its_callback_only() {
    let mut plugin = start(ON_RESPONSE);
    let response = HttpCallResponse::Complete {
        headers: vec![(":status".into(), "200".into())],
        body: "ok".into(),
        trailers: vec![("t".into(), "v".into())],
    };
    plugin
        .vm
        .on_http_call_response(plugin.root, 4, response)
        .unwrap();
    let said = plugin.said();
    let expected = [
        "1", "4", "1", "2", "1", "0", "200", "0", "v", "0", "ok", "2", "0", "", "0",
    ];
    assert_eq!(said, expected);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["2", "1", "0", "", "0"]);
}

#[test]
fn a_reset_is_a_response_of_nothing_with_a_status() {
    let mut plugin = start(ON_RESPONSE);
    plugin
        .vm
        .on_http_call_response(plugin.root, 4, HttpCallResponse::Reset)
        .unwrap();
    let said = plugin.said();
    assert_eq!(
        said,
        [
            "1", "4", "0", "0", "0", "2", "2", "1", "2", "0", "reset", "11"
        ]
    );
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(
        plugin.said(),
        ["2", "1", "0", "", "11"],
        "the code stays, the message goes"
    );
}

#[test]
fn a_response_for_a_plugin_that_is_gone_is_dropped() {
    let mut plugin = start(ON_RESPONSE);
    plugin.vm.shut_down(plugin.root).unwrap();
    plugin
        .vm
        .on_http_call_response(plugin.root, 4, HttpCallResponse::Reset)
        .unwrap();
    assert!(plugin.said().is_empty());
}

#[test]
fn foreign_functions_that_do_not_exist_are_not_found() {
    let body = r#"(call $say (call $proxy_call_foreign_function @"none" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $say (call $proxy_call_foreign_function @"clear_route_cache" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#;
    let mut plugin = start(&on_request_headers(body));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["1", "0"]);
    assert_eq!(stream.route_clears.get(), 1);
}

#[test]
fn foreign_functions_of_the_embedder_come_first() {
    let body = r#"(call $check (call $proxy_call_foreign_function @"double" @"ab" (i32.const 0x100) (i32.const 0x104)))
        (call $say (call $proxy_call_foreign_function @"refuse" (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#;
    let mut plugin = start(&on_request_headers(body));
    assert_eq!(plugin.request(&[]), ["0", "abab", "12"]);
}
