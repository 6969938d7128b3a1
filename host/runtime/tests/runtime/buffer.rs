//! Buffers: bodies and what a guest may do to them.

use tollgate_runtime::Direction;
use tollgate_runtime::abi::DataAction;

use crate::support::{callback, on_request_headers, start};

/// Writes `data` into the request body "hello" and returns the status and the body after.
fn set(start_and_size: (i64, i64), data: &str) -> (String, String) {
    let (from, size) = start_and_size;
    let mut plugin = start(&callback(
        "proxy_on_request_body",
        &format!(
            r#"(call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const {from})
                 (i32.const {size}) @"{data}"))"#
        ),
        0,
    ));
    let (id, stream) = plugin.stream(&[]);
    stream.put_body(Direction::Request, "hello");
    plugin.vm.on_request_body(id, true).unwrap();
    (plugin.said().concat(), stream.body(Direction::Request))
}

fn ok(body: &str) -> (String, String) {
    ("0".to_owned(), body.to_owned())
}

#[test]
fn a_body_is_prepended_to_appended_to_and_replaced() {
    assert_eq!(set((0, 0), "x"), ok("xhello"));
    assert_eq!(set((5, 0), "x"), ok("hellox"));
    assert_eq!(set((0x7fff_ffff, 0), "x"), ok("hellox"));
    assert_eq!(set((0, 5), "x"), ok("x"));
    assert_eq!(set((0, 0x7fff_ffff), "x"), ok("x"));
    assert_eq!(set((0, 1), "x"), ok("xello"));
    assert_eq!(set((0, 5), ""), ok(""));
}

#[test]
fn a_write_into_the_middle_is_refused() {
    assert_eq!(set((1, 1), "x"), ("2".to_owned(), "hello".to_owned()));
}

#[test]
fn a_body_is_read_in_parts_and_never_beyond_its_end() {
    let read = |start: &str, max: &str| {
        format!(
            "(call $check (call $proxy_get_buffer_bytes (i32.const 1) (i32.const {start})
               (i32.const {max}) (i32.const 0x100) (i32.const 0x104)))"
        )
    };
    let body = [
        ("0", "0x7fffffff"),
        ("1", "3"),
        ("3", "9"),
        ("5", "1"),
        ("-1", "-1"),
        ("0", "0"),
    ]
    .map(|(start, max)| read(start, max))
    .concat();
    let mut plugin = start(&callback("proxy_on_response_body", &body, 0));
    let (id, stream) = plugin.stream(&[]);
    stream.put_body(Direction::Response, "hello");
    plugin.vm.on_response_body(id, true).unwrap();
    let said = plugin.said();
    assert_eq!(
        said,
        [
            "0", "hello", "0", "ell", "0", "lo", "0", "", "0", "", "0", ""
        ]
    );
}

#[test]
fn the_callback_is_told_the_size_and_whether_the_message_ends() {
    let report = "(call $say (local.get $size)) (call $say (local.get $end))
        (call $say (call $proxy_get_buffer_status (i32.const 0) (i32.const 0x300) (i32.const 0x304)))
        (call $say (i32.load (i32.const 0x300))) (call $say (i32.load (i32.const 0x304)))";
    let mut plugin = start(&callback("proxy_on_request_body", report, 0));
    let (id, stream) = plugin.stream(&[]);
    stream.put_body(Direction::Request, "abc");
    plugin.vm.on_request_body(id, false).unwrap();
    assert_eq!(plugin.said(), ["3", "0", "0", "3", "0"]);
    stream.put_body(Direction::Request, "");
    plugin.vm.on_request_body(id, true).unwrap();
    assert_eq!(plugin.said(), ["0", "1", "0", "0", "0"]);
}

#[test]
fn unknown_buffers_are_refused() {
    let body = r#"(call $read (i32.const 9))
        (call $say (call $proxy_get_buffer_status (i32.const 9) (i32.const -1) (i32.const -1)))
        (call $say (call $proxy_set_buffer_bytes (i32.const 9) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 9)))"#;
    assert_eq!(
        start(&on_request_headers(body)).request(&[]),
        ["2", "2", "2"]
    );
}

#[test]
fn a_buffer_that_is_not_there_reads_as_empty_and_cannot_be_written() {
    let each = |buffer: i32| {
        format!(
            "(call $read (i32.const {buffer}))
             (call $say (call $proxy_set_buffer_bytes (i32.const {buffer}) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 1)))"
        )
    };
    let body: String = [0, 1, 2, 3, 5, 8].map(each).concat();
    let said = start(&on_request_headers(&body)).request(&[]);
    assert_eq!(said, ["0", "", "2"].repeat(6));
}

#[test]
fn callout_bodies_and_plugin_configurations_are_not_found_outside_their_callbacks() {
    let body = r#"(call $read (i32.const 4)) (call $read (i32.const 7))
        (call $say (call $proxy_set_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
        (call $say (call $proxy_set_buffer_bytes (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))"#;
    assert_eq!(
        start(&on_request_headers(body)).request(&[]),
        ["1", "1", "1", "2"]
    );
}

#[test]
fn bad_pointers_are_refused_after_the_buffers_availability() {
    let body = r#"(call $say (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 9)))
        (call $say (call $proxy_get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 9) (i32.const -1) (i32.const 0x104)))
        (call $say (call $proxy_get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 9) (i32.const -1) (i32.const 0x104)))"#;
    let mut plugin = start(&callback("proxy_on_request_body", body, 0));
    let (id, stream) = plugin.stream(&[]);
    stream.put_body(Direction::Request, "hello");
    plugin.vm.on_request_body(id, true).unwrap();
    assert_eq!(plugin.said(), ["6", "6", "1"]);
    assert_eq!(stream.body(Direction::Request), "hello");
}

#[test]
fn a_buffered_body_stays_open_after_its_callback_and_other_pauses_close_it() {
    for (action, reads) in [(1, "hello"), (2, ""), (3, "")] {
        let body = format!(
            r#"(func (export "proxy_on_tick") (param i32)
                 (drop (call $proxy_set_effective_context (i32.const 2)))
                 (call $read (i32.const 0))) {}"#,
            callback("proxy_on_request_body", "", action)
        );
        let mut plugin = start(&body);
        let (id, stream) = plugin.stream(&[]);
        stream.put_body(Direction::Request, "hello");
        plugin.vm.on_request_body(id, true).unwrap();
        plugin.vm.on_tick(plugin.root).unwrap();
        assert_eq!(plugin.said(), ["0", reads], "action {action}");
    }
}

#[test]
fn body_actions_are_read_as_envoy_reads_them() {
    for (number, action) in [
        (0, DataAction::Continue),
        (1, DataAction::StopIterationAndBuffer),
        (2, DataAction::StopIterationAndWatermark),
        (3, DataAction::StopIterationNoBuffer),
        (99, DataAction::StopIterationNoBuffer),
        (-1, DataAction::StopIterationNoBuffer),
    ] {
        let mut plugin = start(&callback("proxy_on_request_body", "", number));
        let (id, _) = plugin.stream(&[]);
        assert_eq!(plugin.vm.on_request_body(id, false), Ok(action), "{number}");
    }
}
