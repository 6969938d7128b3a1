//! TCP connections: their callbacks, data, actions and end.

use std::rc::Rc;

use tollgate_runtime::abi::{NetworkAction, PeerType};
use tollgate_runtime::{FaultKind, TcpPeer, VmConfig};

use crate::support::{callback, plugin_config, start, start_with, vm_config};

const DOWNSTREAM: &str = "proxy_on_downstream_data";
const UPSTREAM: &str = "proxy_on_upstream_data";

/// Every callback of a connection says its name and parameters.
const WITNESS: &str = r#"
  (func (export "proxy_on_context_create") (param $id i32) (param $root i32)
    (call $show @"create") (call $say (local.get $id)) (call $say (local.get $root)))
  (func (export "proxy_on_new_connection") (param $id i32) (result i32)
    (call $show @"new") (call $say (local.get $id)) (i32.const 0))
  (func (export "proxy_on_downstream_data") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $show @"downstream") (call $say (local.get $size)) (call $say (local.get $end))
    (call $read (i32.const 2)) (i32.const 0))
  (func (export "proxy_on_upstream_data") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $show @"upstream") (call $say (local.get $size)) (call $say (local.get $end))
    (call $read (i32.const 3)) (i32.const 0))
  (func (export "proxy_on_downstream_connection_close") (param $id i32) (param $by i32)
    (call $show @"downstream close") (call $say (local.get $by)))
  (func (export "proxy_on_upstream_connection_close") (param $id i32) (param $by i32)
    (call $show @"upstream close") (call $say (local.get $by)))
  (func (export "proxy_on_done") (param $id i32) (result i32)
    (call $show @"done") (i32.const 0))
  (func (export "proxy_on_log") (param $id i32) (call $show @"log"))
  (func (export "proxy_on_delete") (param $id i32) (call $show @"delete"))"#;

fn on_new_connection(body: &str, action: i32) -> String {
    format!(
        r#"(func (export "proxy_on_new_connection") (param $id i32) (result i32)
             {body} (i32.const {action}))"#
    )
}

#[test]
fn a_connection_is_created_met_closed_done_logged_and_deleted() {
    let mut plugin = start(WITNESS);
    plugin.said();
    let (id, connection) = plugin.connection();
    let vm = &mut plugin.vm;
    assert_eq!(vm.on_new_connection(id), Ok(NetworkAction::Continue));
    connection.put(TcpPeer::Downstream, "ping");
    assert_eq!(
        vm.on_downstream_data(id, false),
        Ok(NetworkAction::Continue)
    );
    connection.put(TcpPeer::Upstream, "pong");
    assert_eq!(vm.on_upstream_data(id, true), Ok(NetworkAction::Continue));
    vm.on_upstream_connection_close(id, PeerType::Unknown)
        .unwrap();
    vm.on_downstream_connection_close(id, PeerType::Remote)
        .unwrap();
    vm.delete_tcp_context(id).unwrap();
    assert!(!vm.has_context(id));
    let said = [
        "create",
        "2",
        "1",
        "new",
        "2",
        "downstream",
        "4",
        "0",
        "0",
        "ping",
        "upstream",
        "4",
        "1",
        "0",
        "pong",
        "upstream close",
        "0",
        "downstream close",
        "2",
        "done",
        "log",
        "delete",
    ];
    assert_eq!(plugin.said(), said);
    assert_eq!(
        Rc::strong_count(&connection),
        1,
        "the host is not forgotten"
    );
}

#[test]
fn every_network_action_but_0_stops() {
    for (number, action) in [
        (0, NetworkAction::Continue),
        (1, NetworkAction::StopIteration),
        (2, NetworkAction::StopIteration),
        (-1, NetworkAction::StopIteration),
    ] {
        let body = [
            on_new_connection("", number),
            callback(DOWNSTREAM, "", number),
            callback(UPSTREAM, "", number),
        ];
        let mut plugin = start(&body.concat());
        let (id, _) = plugin.connection();
        assert_eq!(plugin.vm.on_new_connection(id), Ok(action), "{number}");
        assert_eq!(plugin.vm.on_downstream_data(id, false), Ok(action));
        assert_eq!(plugin.vm.on_upstream_data(id, false), Ok(action));
    }
}

#[test]
fn a_guest_without_tcp_callbacks_passes_everything_on() {
    let mut plugin = start("");
    let (id, _) = plugin.connection();
    assert_eq!(plugin.vm.on_new_connection(id), Ok(NetworkAction::Continue));
    let passed = Ok(NetworkAction::Continue);
    assert_eq!(plugin.vm.on_downstream_data(id, true), passed);
    assert_eq!(plugin.vm.on_upstream_data(id, true), passed);
    plugin.vm.delete_tcp_context(id).unwrap();
}

#[test]
fn data_can_be_replaced_in_its_own_callback_only() {
    let write = |buffer| {
        format!(
            r#"(call $say (call $proxy_set_buffer_bytes (i32.const {buffer}) (i32.const 0)
                 (i32.const 1) @"XY"))"#
        )
    };
    let body = [
        callback(DOWNSTREAM, &format!("{}{}", write(2), write(3)), 0),
        callback(UPSTREAM, &format!("{}{}", write(2), write(3)), 0),
    ];
    let mut plugin = start(&body.concat());
    let (id, connection) = plugin.connection();
    connection.put(TcpPeer::Downstream, "abc");
    connection.put(TcpPeer::Upstream, "def");
    plugin.vm.on_downstream_data(id, false).unwrap();
    assert_eq!(plugin.said(), ["0", "2"]);
    plugin.vm.on_upstream_data(id, false).unwrap();
    assert_eq!(plugin.said(), ["2", "0"]);
    assert_eq!(connection.data(TcpPeer::Downstream), "XYbc");
    assert_eq!(connection.data(TcpPeer::Upstream), "XYef");
}

#[test]
fn data_that_is_stopped_can_be_changed_from_another_callback() {
    let tick = r#"(func (export "proxy_on_tick") (param $root i32)
        (drop (call $proxy_set_effective_context (i32.const 2)))
        (call $read (i32.const 2))
        (call $say (call $proxy_set_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 0) @"<"))
        (call $say (call $proxy_continue_stream (i32.const 2))))"#;
    let mut plugin = start(&format!("{}{tick}", callback(DOWNSTREAM, "", 1)));
    let (id, connection) = plugin.connection();
    connection.put(TcpPeer::Downstream, "abc");
    plugin.vm.on_downstream_data(id, false).unwrap();
    let root = plugin.root;
    plugin.vm.on_tick(root).unwrap();
    assert_eq!(plugin.said(), ["0", "abc", "0", "0"]);
    assert_eq!(connection.data(TcpPeer::Downstream), "<abc");
    assert_eq!(*connection.effects.borrow(), ["continue"]);
}

#[test]
fn resuming_reaches_the_host_after_the_callback_and_makes_a_stop_pass() {
    let resume = "(call $say (call $proxy_continue_stream (i32.const 2)))";
    let body = [
        on_new_connection(resume, 1),
        callback(DOWNSTREAM, resume, 1),
    ];
    let mut plugin = start(&body.concat());
    let (id, connection) = plugin.connection();
    assert_eq!(plugin.vm.on_new_connection(id), Ok(NetworkAction::Continue));
    assert_eq!(
        plugin.vm.on_downstream_data(id, false),
        Ok(NetworkAction::Continue)
    );
    assert_eq!(plugin.said(), ["0", "0"]);
    assert!(connection.effects.borrow().is_empty(), "resumed twice");
}

#[test]
fn a_resume_while_upstream_data_arrives_is_the_clients() {
    let mut plugin = start(&callback(
        UPSTREAM,
        "(call $say (call $proxy_continue_stream (i32.const 2)))",
        1,
    ));
    let (id, connection) = plugin.connection();
    assert_eq!(
        plugin.vm.on_upstream_data(id, false),
        Ok(NetworkAction::StopIteration)
    );
    assert_eq!(*connection.effects.borrow(), ["continue"]);
}

#[test]
fn only_the_upstream_of_the_four_stream_types_cannot_be_continued() {
    let number = |function, number| format!("(call $say (call ${function} (i32.const {number})))");
    let all: String = (0..5)
        .map(|kind| number("proxy_continue_stream", kind))
        .chain((0..5).map(|kind| number("proxy_close_stream", kind)))
        .collect();
    let mut plugin = start(&callback(DOWNSTREAM, &all, 0));
    let (id, connection) = plugin.connection();
    plugin.vm.on_downstream_data(id, false).unwrap();
    let statuses = ["0", "0", "0", "12", "2", "0", "0", "0", "0", "2"];
    assert_eq!(plugin.said(), statuses);
    let effects = ["continue", "close Downstream", "close Upstream"];
    assert_eq!(*connection.effects.borrow(), effects);
}

#[test]
fn a_closed_connection_can_neither_be_resumed_nor_closed() {
    let body = r#"(func (export "proxy_on_downstream_connection_close") (param i32 i32)
        (call $say (call $proxy_continue_stream (i32.const 2)))
        (call $say (call $proxy_close_stream (i32.const 2))))"#;
    let mut plugin = start(body);
    let (id, connection) = plugin.connection();
    plugin.vm.on_new_connection(id).unwrap();
    plugin
        .vm
        .on_downstream_connection_close(id, PeerType::Local)
        .unwrap();
    assert_eq!(plugin.said(), ["0", "0"]);
    assert!(connection.effects.borrow().is_empty());
}

#[test]
fn a_connection_that_the_guest_never_met_ends_without_a_word() {
    let mut plugin = start(WITNESS);
    plugin.said();
    let (id, _) = plugin.connection();
    let closed = plugin
        .vm
        .on_downstream_connection_close(id, PeerType::Remote);
    assert_eq!(closed, Ok(()));
    plugin.vm.delete_tcp_context(id).unwrap();
    assert!(plugin.said().is_empty());
}

#[test]
fn properties_of_a_connection_come_from_the_host_but_those_of_headers_do_not_exist() {
    let body = callback(
        DOWNSTREAM,
        r#"(call $property @"source\00address") (call $property @"plugin_name")
           (call $property @"request\00path") (call $property @"request\00headers\00a")
           (call $property @"response\00trailers\00a") (call $property @"request\00size")
           (call $say (call $proxy_set_property @"mark" @"1"))"#,
        0,
    );
    let mut plugin = start(&body);
    let (id, connection) = plugin.connection();
    plugin.vm.on_downstream_data(id, false).unwrap();
    let said = [
        "0",
        "127.0.0.1:1234",
        "0",
        "plugin",
        "1",
        "1",
        "1",
        "0",
        "of the host",
        "0",
    ];
    assert_eq!(plugin.said(), said);
    let set = connection.properties.borrow();
    assert_eq!(*set, [(b"mark".to_vec(), b"1".to_vec())]);
}

#[test]
fn header_maps_and_bodies_do_not_exist_and_a_local_response_does_nothing() {
    let reply = r#"(call $say (call $proxy_send_local_response (i32.const 403) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))"#;
    let body = format!(r#"(call $get (i32.const 0) @"a") (call $read (i32.const 0)) {reply}"#);
    let mut plugin = start(&callback(DOWNSTREAM, &body, 0));
    let (id, connection) = plugin.connection();
    let passed = plugin.vm.on_downstream_data(id, false);
    assert_eq!(passed, Ok(NetworkAction::Continue));
    assert_eq!(plugin.said(), ["2", "0", "", "0"]);
    assert!(connection.effects.borrow().is_empty());
}

#[test]
fn a_log_line_of_a_connection_names_plugin_root_and_vm() {
    let mut plugin = start(&on_new_connection(r#"(call $show @"here")"#, 0));
    let (id, _) = plugin.connection();
    plugin.vm.on_new_connection(id).unwrap();
    assert_eq!(plugin.services.lines.borrow()[0].0, " plugin root vm");
}

#[test]
fn a_trap_ends_the_vm_for_every_connection() {
    let body = [
        on_new_connection("", 0),
        callback(
            UPSTREAM,
            "(drop (call $proxy_close_stream (i32.const 2))) (unreachable)",
            0,
        ),
    ];
    let mut plugin = start(&body.concat());
    let (id, connection) = plugin.connection();
    let (other, _) = plugin.connection();
    plugin.vm.on_new_connection(id).unwrap();
    let fault = plugin.vm.on_upstream_data(id, false).unwrap_err();
    assert_eq!((fault.kind, fault.callback), (FaultKind::Trap, UPSTREAM));
    assert!(connection.effects.borrow().is_empty());
    let kind = |result: Result<_, tollgate_runtime::Fault>| result.unwrap_err().kind;
    assert_eq!(
        kind(plugin.vm.on_new_connection(other).map(drop)),
        FaultKind::VmFailed
    );
    let closed = plugin
        .vm
        .on_downstream_connection_close(id, PeerType::Local);
    assert_eq!(kind(closed), FaultKind::VmFailed);
    assert_eq!(kind(plugin.vm.delete_tcp_context(id)), FaultKind::VmFailed);
    assert!(!plugin.vm.has_context(id));
}

#[test]
fn http_and_tcp_contexts_are_not_mistaken_for_each_other() {
    let mut plugin = start("");
    let (http, _) = plugin.stream(&[]);
    let (tcp, _) = plugin.connection();
    let kind = |result: Result<_, tollgate_runtime::Fault>| result.unwrap_err().kind;
    let vm = &mut plugin.vm;
    assert_eq!(
        kind(vm.on_request_body(tcp, true).map(drop)),
        FaultKind::UnknownContext
    );
    assert_eq!(
        kind(vm.on_downstream_data(http, true).map(drop)),
        FaultKind::UnknownContext
    );
    assert_eq!(kind(vm.delete_tcp_context(http)), FaultKind::UnknownContext);
    assert!(!vm.is_failed());
}

#[test]
fn a_restricted_tcp_callback_is_as_if_it_were_not_exported() {
    let vm = VmConfig {
        allowed_capabilities: Some(["proxy_log".to_owned()].into()),
        ..vm_config()
    };
    let body = on_new_connection("(unreachable)", 1);
    let mut plugin = start_with(&body, vm, plugin_config()).unwrap();
    let (id, _) = plugin.connection();
    assert_eq!(plugin.vm.on_new_connection(id), Ok(NetworkAction::Continue));
}
