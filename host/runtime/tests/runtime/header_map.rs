//! Header maps: when they are there, and what reading and writing them does.

use std::rc::Rc;

use tollgate_runtime::abi::{HeadersAction, TrailersAction};
use tollgate_runtime::{Direction, StreamMap};

use crate::support::{callback, header, on_request_headers, start};

/// Asks every map function for this map.
fn every_function(map: i32) -> String {
    format!(
        r#"(call $get (i32.const {map}) @"a")
           (call $say (call $proxy_add_header_map_value (i32.const {map}) @"k" @"v"))
           (call $say (call $proxy_replace_header_map_value (i32.const {map}) @"k" @"v"))
           (call $say (call $proxy_remove_header_map_value (i32.const {map}) @"k"))
           (call $say (call $proxy_set_header_map_pairs (i32.const {map}) (i32.const 0) (i32.const 0)))
           (call $say (call $proxy_get_header_map_size (i32.const {map}) (i32.const 0x300)))"#
    )
}

#[test]
fn a_value_is_found_by_name_in_any_case() {
    let mut plugin = start(&on_request_headers(
        r#"(call $get (i32.const 0) @"X-Id") (call $get (i32.const 0) @":path")"#,
    ));
    let said = plugin.request(&[(":path", "/a"), ("x-id", "1"), ("x-id", "2")]);
    assert_eq!(said, ["0", "1", "0", "/a"]);
}

#[test]
fn a_missing_key_is_not_found_and_an_empty_value_is_found() {
    let mut plugin = start(&on_request_headers(
        r#"(call $get (i32.const 0) @"none") (call $get (i32.const 0) @"empty")"#,
    ));
    assert_eq!(plugin.request(&[("empty", "")]), ["1", "0", ""]);
}

#[test]
fn the_number_of_headers_is_the_number_of_pairs() {
    let mut plugin = start(&on_request_headers("(call $say (local.get $size))"));
    assert_eq!(
        plugin.request(&[(":path", "/"), ("a", "1"), ("a", "2")]),
        ["3"]
    );
}

#[test]
fn the_size_of_a_map_is_the_bytes_of_its_names_and_values() {
    let mut plugin = start(&on_request_headers(
        r#"(call $say (call $proxy_get_header_map_size (i32.const 0) (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))"#,
    ));
    assert_eq!(
        plugin.request(&[(":path", "/"), ("ab", "cde")]),
        ["0", "11"]
    );
}

#[test]
fn an_unknown_map_is_refused_before_pointers_are_looked_at() {
    let mut plugin = start(&on_request_headers(
        r#"(call $get (i32.const 8) (i32.const -1) (i32.const 9))
           (call $say (call $proxy_add_header_map_value (i32.const 8) (i32.const -1) (i32.const 9) (i32.const 0) (i32.const 0)))
           (call $say (call $proxy_set_header_map_pairs (i32.const 8) (i32.const -1) (i32.const 9)))
           (call $say (call $proxy_get_header_map_pairs (i32.const 8) (i32.const -1) (i32.const -1)))
           (call $say (call $proxy_get_header_map_size (i32.const -1) (i32.const -1)))"#,
    ));
    assert_eq!(plugin.request(&[]), ["2", "2", "2", "2", "2"]);
}

#[test]
fn bad_pointers_are_refused_and_change_nothing() {
    let mut plugin = start(&on_request_headers(
        r#"(call $get (i32.const 0) (i32.const -1) (i32.const 9))
           (call $say (call $proxy_add_header_map_value (i32.const 0) (i32.const -1) (i32.const 9) @"v"))
           (call $say (call $proxy_replace_header_map_value (i32.const 0) @"a" (i32.const -1) (i32.const 9)))
           (call $say (call $proxy_remove_header_map_value (i32.const 0) (i32.const -1) (i32.const 9)))"#,
    ));
    let (id, stream) = plugin.stream(&[("a", "b")]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["6", "6", "6", "6"]);
    assert_eq!(stream.map(StreamMap::RequestHeaders), [header("a", "b")]);
    assert_eq!(stream.route_clears.get(), 0);
}

#[test]
fn headers_are_added_replaced_and_removed_in_lower_case() {
    let mut plugin = start(&on_request_headers(
        r#"(call $say (call $proxy_add_header_map_value (i32.const 0) @"X-A" @"2"))
           (call $say (call $proxy_replace_header_map_value (i32.const 0) @"X-B" @"3"))
           (call $say (call $proxy_remove_header_map_value (i32.const 0) @"GONE"))
           (call $say (call $proxy_remove_header_map_value (i32.const 0) @"never-there"))"#,
    ));
    let (id, stream) = plugin.stream(&[("x-a", "1"), ("x-b", "1"), ("x-b", "2"), ("gone", "")]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["0", "0", "0", "0"]);
    let expected = [header("x-a", "1"), header("x-a", "2"), header("x-b", "3")];
    assert_eq!(stream.map(StreamMap::RequestHeaders), expected);
}

#[test]
fn only_a_change_of_the_request_headers_clears_the_route() {
    let add =
        |map| format!(r#"(drop (call $proxy_add_header_map_value (i32.const {map}) @"k" @"v"))"#);
    let mut plugin = start(&format!(
        "{}{}",
        on_request_headers(&(r#"(call $get (i32.const 0) @"k")"#.to_owned() + &add(0))),
        callback("proxy_on_response_headers", &add(2), 0)
    ));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(stream.route_clears.get(), 1);
    stream.put(StreamMap::ResponseHeaders, &[]);
    plugin.vm.on_response_headers(id, true).unwrap();
    assert_eq!(stream.map(StreamMap::ResponseHeaders), [header("k", "v")]);
    assert_eq!(stream.route_clears.get(), 1);
}

#[test]
fn a_map_of_another_phase_is_refused_but_reads_as_an_empty_list() {
    let body = callback(
        "proxy_on_response_headers",
        &(every_function(0) + "(call $pairs (i32.const 0))"),
        0,
    );
    let mut plugin = start(&body);
    let (id, stream) = plugin.stream(&[("a", "b")]);
    stream.put(StreamMap::ResponseHeaders, &[]);
    plugin.vm.on_response_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["2", "2", "2", "2", "2", "2", "0", ""]);
    assert_eq!(stream.map(StreamMap::RequestHeaders), [header("a", "b")]);
}

#[test]
fn an_empty_map_is_an_empty_list_without_a_count() {
    let mut plugin = start(&on_request_headers(
        "(call $pairs (i32.const 0)) (call $say (i32.load (i32.const 0x104)))",
    ));
    assert_eq!(plugin.request(&[]), ["0", "", "0"]);
}

#[test]
fn a_root_context_has_no_maps() {
    let tick = format!(
        r#"(func (export "proxy_on_tick") (param i32) {})"#,
        every_function(0)
    );
    let mut plugin = start(&tick);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["2"; 6]);
}

#[test]
fn a_paused_streams_headers_can_be_changed_later_through_the_effective_context() {
    let body = format!(
        r#"(func (export "proxy_on_tick") (param i32)
             (call $say (call $proxy_set_effective_context (i32.const 2)))
             (call $get (i32.const 0) @"a")
             (call $say (call $proxy_add_header_map_value (i32.const 0) @"k" @"v"))
             (call $say (call $proxy_continue_stream (i32.const 0)))
             (call $say (call $proxy_add_header_map_value (i32.const 0) @"k" @"v"))) {}"#,
        callback("proxy_on_request_headers", "", 1)
    );
    let mut plugin = start(&body);
    let (id, stream) = plugin.stream(&[("a", "b")]);
    let action = plugin.vm.on_request_headers(id, true);
    assert_eq!(action, Ok(HeadersAction::StopAllIterationAndWatermark));
    plugin.vm.on_tick(plugin.root).unwrap();
    // After the resume the map is gone, within the same callback.
    assert_eq!(plugin.said(), ["0", "0", "b", "0", "0", "2"]);
    assert_eq!(
        stream.map(StreamMap::RequestHeaders),
        [header("a", "b"), header("k", "v")]
    );
    assert_eq!(*stream.effects.borrow(), ["continue Request"]);
}

#[test]
fn resuming_the_response_closes_the_requests_map_too() {
    let mut plugin = start(&on_request_headers(
        r#"(call $say (call $proxy_continue_stream (i32.const 1)))
           (call $say (call $proxy_add_header_map_value (i32.const 0) @"k" @"v"))"#,
    ));
    assert_eq!(plugin.request(&[]), ["0", "2"]);
}

#[test]
fn trailers_can_be_made_in_the_body_callback_that_ends_the_message() {
    let add = r#"(call $get (i32.const 1) @"t")
        (call $say (call $proxy_add_header_map_value (i32.const 1) @"T" @"v"))
        (call $get (i32.const 1) @"t")"#;
    let mut plugin = start(&callback("proxy_on_request_body", add, 0));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_body(id, false).unwrap();
    assert_eq!(plugin.said(), ["2", "2", "2"]);
    plugin.vm.on_request_body(id, true).unwrap();
    assert_eq!(plugin.said(), ["2", "0", "0", "v"]);
    assert_eq!(stream.map(StreamMap::RequestTrailers), [header("t", "v")]);
}

#[test]
fn trailers_are_there_in_their_own_callback() {
    let body = r#"(func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
        (call $say (local.get 1)) (call $get (i32.const 3) @"grpc-status") (i32.const 0))"#;
    let mut plugin = start(body);
    let (id, stream) = plugin.stream(&[]);
    stream.put(StreamMap::ResponseTrailers, &[("grpc-status", "0")]);
    assert_eq!(
        plugin.vm.on_response_trailers(id),
        Ok(TrailersAction::Continue)
    );
    assert_eq!(plugin.said(), ["1", "0", "0"]);
}

#[test]
fn maps_can_only_be_read_when_the_stream_is_logged() {
    let body = r#"(func (export "proxy_on_log") (param i32)
             (call $get (i32.const 0) @"a") (call $get (i32.const 0) @"none")
             (call $get (i32.const 2) @":status") (call $get (i32.const 3) @"absent-map")
             (call $get (i32.const 1) @"t") (call $pairs (i32.const 1))
             (call $say (call $proxy_add_header_map_value (i32.const 0) @"k" @"v"))
             (call $say (call $proxy_get_header_map_size (i32.const 0) (i32.const 0x300))))"#;
    let mut plugin = start(body);
    let (id, stream) = plugin.stream(&[("a", "b")]);
    stream.put(StreamMap::RequestTrailers, &[("t", "v")]);
    stream.put(StreamMap::ResponseHeaders, &[(":status", "200")]);
    plugin.vm.on_log(id).unwrap();
    assert_eq!(
        plugin.said(),
        ["0", "b", "1", "0", "200", "1", "1", "0", "", "2", "2"]
    );
}

#[test]
fn headers_held_by_a_real_stop_stay_open_until_a_body_callback_continues() {
    let body = format!(
        "{}{}",
        callback("proxy_on_request_headers", "", 1),
        callback(
            "proxy_on_request_body",
            r#"(call $get (i32.const 0) @"a")"#,
            0
        )
    );
    let mut config = crate::support::plugin_config();
    config.allow_on_headers_stop_iteration = true;
    let mut plugin =
        crate::support::start_with(&body, crate::support::vm_config(), config).unwrap();
    let (id, stream) = plugin.stream(&[("a", "b")]);
    stream.put_body(Direction::Request, "x");
    assert_eq!(
        plugin.vm.on_request_headers(id, false),
        Ok(HeadersAction::StopIteration)
    );
    plugin.vm.on_request_body(id, false).unwrap();
    plugin.vm.on_request_body(id, true).unwrap();
    assert_eq!(plugin.said(), ["0", "b", "2"]);
    assert_eq!(Rc::strong_count(&stream), 2);
}
