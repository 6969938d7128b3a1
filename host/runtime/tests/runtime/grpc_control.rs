//! gRPC callouts: sending, closing and cancelling.

use bytes::Bytes;
use tollgate_runtime::abi::Status;

use crate::grpc::{CALLBACKS, CLUSTER, call, close, open};
use crate::support::{Plugin, on_request_headers, start};

fn send(token: u32, end: u32) -> String {
    format!(r#"(call $say (call $proxy_grpc_send (i32.const {token}) @"x" (i32.const {end})))"#)
}

fn cancel(token: u32) -> String {
    format!("(call $say (call $proxy_grpc_cancel (i32.const {token})))")
}

fn half_close(token: u32) -> String {
    format!("(call $say (call $proxy_grpc_close (i32.const {token})))")
}

/// Starts a plugin whose requests open a call (5) and a stream (6), and whose tick runs `body`.
fn with_callouts(body: &str) -> Plugin {
    let tick = format!(r#"(func (export "proxy_on_tick") (param i32) {body})"#);
    let guest = on_request_headers(&(call(CLUSTER) + &open(CLUSTER))) + &tick;
    let mut plugin = start(&guest);
    assert_eq!(plugin.request(&[]), ["0", "5", "0", "6"]);
    plugin
}

fn tick(plugin: &mut Plugin) -> Vec<String> {
    plugin.vm.on_tick(plugin.root).unwrap();
    plugin.said()
}

#[test]
fn messages_and_the_end_reach_the_host() {
    let mut plugin = with_callouts(&(send(6, 0) + &half_close(6) + &send(6, 1)));
    assert_eq!(tick(&mut plugin), ["0", "0", "0"]);
    let done = plugin.services.done.take();
    assert_eq!(done, ["send 6 x", "close 6", "send 6 x and end"]);
}

#[test]
fn a_message_that_the_host_has_no_room_for_is_refused() {
    let mut plugin = with_callouts(&send(6, 0));
    plugin
        .services
        .refuses_calls
        .set(Some(Status::InternalFailure));
    assert_eq!(tick(&mut plugin), ["10"]);
}

#[test]
fn only_streams_can_be_sent_on() {
    let bad_pointer = "(call $say (call $proxy_grpc_send (i32.const 4) (i32.const -1) (i32.const 9) (i32.const 0)))";
    let body = send(5, 0) + &send(4, 0) + &send(7, 0) + &send(10, 0) + bad_pointer;
    let mut plugin = with_callouts(&body);
    assert_eq!(tick(&mut plugin), ["2", "2", "2", "1", "6"]);
    assert!(plugin.services.done.borrow().is_empty());
}

#[test]
fn tokens_of_other_kinds_cannot_be_closed_or_cancelled() {
    let body = [4, 7, 8, 9, 10].map(|token| cancel(token) + &half_close(token));
    let mut plugin = with_callouts(&body.concat());
    let said = tick(&mut plugin);
    assert_eq!(said, ["2", "2", "2", "2", "2", "2", "1", "1", "1", "1"]);
}

#[test]
fn what_is_cancelled_is_forgotten_and_not_heard_of_again() {
    let body = cancel(5) + &cancel(5) + &cancel(6) + &cancel(6) + &send(6, 0);
    let guest = on_request_headers(&(call(CLUSTER) + &open(CLUSTER) + &body)) + CALLBACKS;
    let mut plugin = start(&guest);
    assert_eq!(plugin.request(&[])[4..], ["0", "1", "0", "1", "1"]);
    assert_eq!(plugin.services.done.take(), ["cancel 5", "cancel 6"]);
    plugin
        .vm
        .on_grpc_receive(plugin.root, 5, Bytes::new())
        .unwrap();
    plugin
        .vm
        .on_grpc_receive_initial_metadata(plugin.root, 6, Vec::new())
        .unwrap();
    close(&mut plugin, 6).unwrap();
    assert!(plugin.said().is_empty());
}

#[test]
fn closing_a_call_cancels_it() {
    let mut plugin = with_callouts(&(half_close(5) + &half_close(5)));
    assert_eq!(tick(&mut plugin), ["0", "1"]);
    assert_eq!(plugin.services.done.take(), ["cancel 5"]);
}

#[test]
fn a_stream_that_the_guest_closed_ends_with_the_upstream() {
    let mut plugin = with_callouts(&half_close(6));
    assert_eq!(tick(&mut plugin), ["0"]);
    assert_eq!(tick(&mut plugin), ["0"], "its end has not come yet");
    close(&mut plugin, 6).unwrap();
    assert_eq!(tick(&mut plugin), ["1"]);
}

#[test]
fn a_stream_that_the_upstream_ended_waits_for_the_guest() {
    let mut plugin = with_callouts(&(send(6, 0) + &half_close(6) + &half_close(6)));
    close(&mut plugin, 6).unwrap();
    assert_eq!(tick(&mut plugin), ["0", "0", "1"]);
    assert!(
        plugin.services.done.borrow().is_empty(),
        "the host has nothing left to do"
    );
}

#[test]
fn a_callout_can_be_given_up_in_its_own_callback() {
    let callbacks = format!(
        r#"(func (export "proxy_on_grpc_receive") (param i32 i32 i32) {})
           (func (export "proxy_on_grpc_close") (param i32 i32 i32) {})"#,
        cancel(5) + &cancel(5),
        half_close(6) + &half_close(6),
    );
    let guest = on_request_headers(&(call(CLUSTER) + &open(CLUSTER))) + &callbacks;
    let mut plugin = start(&guest);
    plugin.request(&[]);
    plugin
        .vm
        .on_grpc_receive(plugin.root, 5, Bytes::new())
        .unwrap();
    assert_eq!(plugin.said(), ["0", "1"]);
    close(&mut plugin, 6).unwrap();
    assert_eq!(plugin.said(), ["0", "1"]);
}

#[test]
fn a_stream_context_reaches_its_roots_callouts() {
    let body = open(CLUSTER) + &send(6, 0) + &cancel(6);
    let mut plugin = start(&on_request_headers(&body));
    assert_eq!(plugin.request(&[]), ["0", "6", "0", "0"]);
}
