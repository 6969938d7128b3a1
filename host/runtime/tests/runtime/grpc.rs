//! gRPC callouts: starting them and hearing of them.

use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{Fault, Header};

use crate::support::{Plugin, on_request_headers, plugin_config, start, start_with, vm_config};

/// One entry, serialized: `X-K: v`.
const METADATA: &str = r#"@"\01\00\00\00\03\00\00\00\01\00\00\00X-K\00v\00""#;

/// Calls a method on an upstream and reports status and token.
pub(crate) fn call(upstream: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x300) (i32.const 77))
           (call $say (call $proxy_grpc_call {upstream} @"a.Service" @"Do" {METADATA} @"message"
             (i32.const 250) (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))"#
    )
}

/// Opens a stream and reports status and token.
pub(crate) fn open(upstream: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x300) (i32.const 77))
           (call $say (call $proxy_grpc_stream {upstream} @"a.Service" @"Do" {METADATA}
             (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))"#
    )
}

pub(crate) const CLUSTER: &str = r#"@"cluster""#;

/// `GrpcService{envoy_grpc{cluster_name: "c"}}`.
const SERVICE: &str = r#"@"\0a\03\0a\01c""#;

/// Every callback of gRPC; each says its parameters, its maps and buffer, and the status.
pub(crate) const CALLBACKS: &str = r#"
  (func $event (param i32 i32 i32 i32)
    (call $say (local.get 0))
    (call $say (local.get 1)) (call $say (local.get 2)) (call $say (local.get 3))
    (call $get (i32.const 4) @"k") (call $get (i32.const 5) @"k") (call $read (i32.const 5))
    (call $check (call $proxy_get_status (i32.const 0x300) (i32.const 0x100) (i32.const 0x104)))
    (call $say (i32.load (i32.const 0x300))))
  (func (export "proxy_on_grpc_receive_initial_metadata") (param i32 i32 i32)
    (call $event (i32.const 901) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "proxy_on_grpc_receive") (param i32 i32 i32)
    (call $event (i32.const 902) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "proxy_on_grpc_receive_trailing_metadata") (param i32 i32 i32)
    (call $event (i32.const 903) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "proxy_on_grpc_close") (param i32 i32 i32)
    (call $event (i32.const 904) (local.get 0) (local.get 1) (local.get 2)))
  (func (export "proxy_on_tick") (param i32)
    (call $event (i32.const 905) (local.get 0) (i32.const 0) (i32.const 0)))
"#;

fn metadata() -> Vec<Header> {
    vec![("k".into(), "v".into()), ("l".into(), "w".into())]
}

/// Delivers what ends a stream well.
pub(crate) fn close(plugin: &mut Plugin, token: u32) -> Result<(), Fault> {
    plugin.vm.on_grpc_close(plugin.root, token, 0, "")
}

#[test]
fn a_call_reaches_the_host_with_its_token() {
    let body = call(CLUSTER) + &call(SERVICE);
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["0", "5", "0", "9"]);
    let calls = plugin.services.grpc_calls.take();
    let (root, token, first) = &calls[0];
    assert_eq!((*root, *token), (plugin.root, 5));
    assert_eq!(first.service.cluster, "cluster");
    assert_eq!(first.method.service, "a.Service");
    assert_eq!(first.method.method, "Do");
    assert_eq!(first.method.metadata, [("x-k".into(), "v".into())]);
    assert_eq!(first.message, "message");
    assert_eq!(first.timeout, Duration::from_millis(250));
    assert_eq!(calls[1].2.service.cluster, "c");
}

#[test]
fn a_stream_has_a_token_of_its_own_kind() {
    let body = open(CLUSTER) + &call(CLUSTER) + &open(SERVICE);
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["0", "6", "0", "5", "0", "10"]);
    let streams = plugin.services.grpc_streams.take();
    assert_eq!(streams[1].1, 10);
    assert_eq!(streams[1].2.method.method, "Do");
}

#[test]
fn an_upstream_that_is_neither_message_nor_cluster_is_a_parse_failure() {
    let body = [
        r#"@"nowhere""#,
        "(i32.const 0) (i32.const 0)",
        r#"@"iiiiiiiii""#,
    ]
    .map(|upstream| call(upstream) + &open(upstream))
    .concat();
    let mut plugin = start(&on_request_headers(&(body + &call(CLUSTER))));
    let said = plugin.request(&[]);
    assert_eq!(said[..4], ["4", "77", "4", "77"]);
    assert_eq!(said[12..], ["0", "5"], "what was refused used up no token");
}

#[test]
fn bad_pointers_start_nothing_but_a_bad_token_address_comes_too_late() {
    let body = r#"
      (call $say (call $proxy_grpc_call (i32.const -1) (i32.const 9) @"s" @"m" (i32.const 0) (i32.const 0)
        @"x" (i32.const 0) (i32.const 0x300)))
      (call $say (call $proxy_grpc_stream @"cluster" @"s" (i32.const -1) (i32.const 9) (i32.const 0)
        (i32.const 0) (i32.const 0x300)))
      (call $say (call $proxy_grpc_call @"cluster" @"s" @"m" (i32.const 0) (i32.const 0) @"x"
        (i32.const 0) (i32.const -1)))"#;
    let mut plugin = start(&on_request_headers(body));
    assert_eq!(plugin.request(&[]), ["6", "6", "6"]);
    assert_eq!(plugin.services.grpc_calls.borrow().len(), 1);
    assert!(plugin.services.grpc_streams.borrow().is_empty());
}

#[test]
fn a_callout_that_cannot_start_is_closed_after_the_callback() {
    let body = on_request_headers(&(call(SERVICE) + &open(SERVICE))) + CALLBACKS;
    let mut plugin = start(&body);
    plugin
        .services
        .refuses_calls
        .set(Some(Status::InternalFailure));
    let said = plugin.request(&[]);
    assert_eq!(said[..4], ["10", "77", "10", "77"]);
    let unavailable = ["2", "2", "0", "", "0", "refused by the test", "14"];
    assert_eq!(said[4..8], ["904", "1", "5", "14"]);
    assert_eq!(said[8..15], unavailable);
    assert_eq!(said[15..19], ["904", "1", "6", "14"]);
    assert_eq!(said.len(), 26);
}

#[test]
fn a_guest_that_tries_again_when_told_of_a_refusal_does_not_hang() {
    let again = format!(
        r#"(func (export "proxy_on_grpc_close") (param i32 i32 i32)
             (call $say (local.get 1)) {})"#,
        call(SERVICE)
    );
    let mut plugin = start(&(on_request_headers(&call(SERVICE)) + &again));
    plugin
        .services
        .refuses_calls
        .set(Some(Status::InternalFailure));
    assert_eq!(plugin.request(&[]), ["10", "77", "5", "10", "77"]);
}

#[test]
fn a_callout_that_is_the_guests_mistake_is_refused_once() {
    let mut plugin = start(&(on_request_headers(&call(SERVICE)) + CALLBACKS));
    plugin.services.refuses_calls.set(Some(Status::BadArgument));
    assert_eq!(plugin.request(&[]), ["2", "77"]);
}

#[test]
fn a_plugin_has_only_so_many_callouts() {
    let mut vm = vm_config();
    vm.limits.grpc_callouts = 2;
    let body = on_request_headers(&(call(CLUSTER) + &open(CLUSTER) + &call(CLUSTER)));
    let mut plugin = start_with(&body, vm, plugin_config()).unwrap();
    assert_eq!(plugin.request(&[]), ["0", "5", "0", "6", "10", "77"]);
    plugin
        .vm
        .on_grpc_receive(plugin.root, 5, Bytes::new())
        .unwrap();
    assert_eq!(
        plugin.request(&[])[..2],
        ["0", "13"],
        "one place is free again"
    );
}

#[test]
fn each_event_shows_what_it_delivers_and_nothing_else() {
    let mut plugin = start(&(on_request_headers(&open(CLUSTER)) + CALLBACKS));
    plugin.request(&[]);
    let (root, vm) = (plugin.root, &mut plugin.vm);
    vm.on_grpc_receive_initial_metadata(root, 6, metadata())
        .unwrap();
    let nothing = ["0", "", "0", "", "0"];
    let said = plugin.said();
    assert_eq!(said[..7], ["901", "1", "6", "2", "0", "v", "2"]);
    assert_eq!(said[7..], nothing);

    let message = Bytes::from_static(b"hello");
    plugin.vm.on_grpc_receive(root, 6, message).unwrap();
    let said = plugin.said();
    assert_eq!(
        said,
        ["902", "1", "6", "5", "2", "2", "0", "hello", "0", "", "0"]
    );

    plugin
        .vm
        .on_grpc_receive_trailing_metadata(root, 6, metadata())
        .unwrap();
    let said = plugin.said();
    assert_eq!(said[..7], ["903", "1", "6", "2", "2", "0", "v"]);

    plugin.vm.on_grpc_close(root, 6, 7, "no").unwrap();
    let said = plugin.said();
    assert_eq!(
        said,
        ["904", "1", "6", "7", "2", "2", "0", "", "0", "no", "7"]
    );
    plugin.vm.on_tick(root).unwrap();
    let said = plugin.said();
    assert_eq!(
        said[4..],
        ["2", "2", "0", "", "0", "", "7"],
        "only the code stays"
    );
}

#[test]
fn a_message_can_be_changed_although_nobody_else_sees_it() {
    let guest = r#"(func (export "proxy_on_grpc_receive") (param i32 i32 i32)
      (call $say (call $proxy_set_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 1) @"J"))
      (call $say (call $proxy_set_buffer_bytes (i32.const 5) (i32.const 1) (i32.const 1) @"J"))
      (call $read (i32.const 5)))
      (func (export "proxy_on_tick") (param i32)
        (call $say (call $proxy_set_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 1) @"J")))"#;
    let mut plugin = start(&(on_request_headers(&call(CLUSTER)) + guest));
    plugin.request(&[]);
    let message = Bytes::from_static(b"hello");
    plugin.vm.on_grpc_receive(plugin.root, 5, message).unwrap();
    assert_eq!(plugin.said(), ["0", "2", "0", "Jello"]);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["2"]);
}

#[test]
fn events_without_a_callback_still_end_a_callout() {
    let cancel = "(call $say (call $proxy_grpc_cancel (i32.const 5)))
                  (call $say (call $proxy_grpc_cancel (i32.const 9)))";
    let guest = format!(r#"(func (export "proxy_on_tick") (param i32) {cancel})"#);
    let body = on_request_headers(&(call(CLUSTER) + &call(CLUSTER))) + &guest;
    let mut plugin = start(&body);
    plugin.request(&[]);
    plugin
        .vm
        .on_grpc_receive(plugin.root, 5, Bytes::new())
        .unwrap();
    plugin.vm.on_grpc_close(plugin.root, 9, 2, "").unwrap();
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["1", "1"]);
}

#[test]
fn a_plugin_that_goes_gives_up_its_callouts() {
    let body = on_request_headers(&(call(CLUSTER) + &open(CLUSTER) + &open(CLUSTER))) + CALLBACKS;
    let mut plugin = start(&body);
    plugin.request(&[]);
    close(&mut plugin, 6).unwrap();
    plugin.said();
    plugin.vm.shut_down(plugin.root).unwrap();
    let mut done = plugin.services.done.take();
    done.sort();
    assert_eq!(done, ["cancel 10", "cancel 5"], "6 has ended already");
    close(&mut plugin, 10).unwrap();
    assert!(plugin.said().is_empty());
}
