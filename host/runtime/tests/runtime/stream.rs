//! Actions, local responses, and going on with streams.

use tollgate_runtime::abi::{DataAction, GrpcStatus, HeadersAction, TrailersAction};

use crate::support::{Plugin, callback, on_request_headers, start};

const REPLY: &str = r#"(call $say (call $proxy_send_local_response (i32.const 403) @"not\0ballowed\0ahere"
    @"no" @"\02\00\00\00\03\00\00\00\01\00\00\00\07\00\00\00\03\00\00\00X-A\00b\00:status\00200\00" (i32.const -1)))"#;

fn action_of(plugin: &mut Plugin) -> HeadersAction {
    let (id, _) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap()
}

#[test]
fn header_actions_are_read_as_envoy_reads_them() {
    for (number, action) in [
        (0, HeadersAction::Continue),
        (1, HeadersAction::StopAllIterationAndWatermark),
        (2, HeadersAction::Continue),
        (3, HeadersAction::StopAllIterationAndBuffer),
        (4, HeadersAction::StopAllIterationAndWatermark),
        (99, HeadersAction::StopAllIterationAndWatermark),
    ] {
        let mut plugin = start(&callback("proxy_on_request_headers", "", number));
        assert_eq!(action_of(&mut plugin), action, "{number}");
    }
}

#[test]
fn every_trailers_action_but_0_pauses() {
    for (number, action) in [
        (0, TrailersAction::Continue),
        (1, TrailersAction::StopIteration),
        (99, TrailersAction::StopIteration),
    ] {
        let mut plugin = start(&format!(
            r#"(func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
                 (i32.const {number}))"#
        ));
        let (id, _) = plugin.stream(&[]);
        assert_eq!(plugin.vm.on_request_trailers(id), Ok(action), "{number}");
    }
}

#[test]
fn a_local_response_reaches_the_host_after_the_callback_and_overrides_the_action() {
    let mut plugin = start(&on_request_headers(&format!(
        "{REPLY} (call $say (i32.const 1))"
    )));
    let (id, stream) = plugin.stream(&[]);
    let action = plugin.vm.on_request_headers(id, true);
    assert_eq!(action, Ok(HeadersAction::StopAllIterationAndWatermark));
    assert_eq!(plugin.said(), ["0", "1"]);
    let response = stream.responses.borrow()[0].clone();
    assert_eq!(response.status, 403);
    assert_eq!(response.details, "not_allowed_here");
    assert_eq!(response.body, "no");
    assert_eq!(
        response.headers,
        [("x-a".into(), "b".into())],
        "without the second :status"
    );
    assert_eq!(response.grpc_status, None);
}

#[test]
fn a_local_response_overrides_the_actions_of_bodies_and_trailers() {
    let trailers = format!(
        r#"(func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
             {REPLY} (i32.const 0))"#
    );
    let mut plugin = start(&format!(
        "{trailers}{}",
        callback("proxy_on_request_body", REPLY, 0)
    ));
    let (id, _) = plugin.stream(&[]);
    assert_eq!(
        plugin.vm.on_request_body(id, false),
        Ok(DataAction::StopIterationNoBuffer)
    );
    assert_eq!(
        plugin.vm.on_request_trailers(id),
        Ok(TrailersAction::StopIteration)
    );
}

#[test]
fn of_two_local_responses_in_a_callback_the_first_wins() {
    let second = r#"(call $say (call $proxy_send_local_response (i32.const 500) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5)))"#;
    let mut plugin = start(&on_request_headers(&format!("{REPLY}{second}")));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(*stream.effects.borrow(), ["reply 403"]);
}

#[test]
fn a_local_response_may_choose_a_grpc_status() {
    let body = r#"(call $say (call $proxy_send_local_response (i32.const 200) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 7)))"#;
    let mut plugin = start(&on_request_headers(body));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    let status = stream.responses.borrow()[0].grpc_status;
    assert_eq!(status, Some(GrpcStatus::PermissionDenied));
}

#[test]
fn a_local_response_with_bad_pointers_is_not_sent_and_one_with_malformed_headers_is() {
    let with_headers = |headers: &str| {
        on_request_headers(&format!(
            "(call $say (call $proxy_send_local_response (i32.const 403) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) {headers} (i32.const -1)))"
        ))
    };
    let mut plugin = start(&with_headers("(i32.const -1) (i32.const 9)"));
    let (id, stream) = plugin.stream(&[]);
    assert_eq!(
        plugin.vm.on_request_headers(id, true),
        Ok(HeadersAction::Continue)
    );
    assert_eq!(plugin.said(), ["6"]);
    assert!(stream.effects.borrow().is_empty());

    let mut plugin = start(&with_headers(r#"@"garbage""#));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(plugin.said(), ["0"]);
    assert!(stream.responses.borrow()[0].headers.is_empty());
}

#[test]
fn outside_a_stream_effects_are_accepted_and_do_nothing() {
    let body = format!(
        r#"(func (export "proxy_on_tick") (param i32)
             {REPLY} (call $say (call $proxy_continue_stream (i32.const 0)))
             (call $say (call $proxy_continue_stream (i32.const 1)))
             (call $say (call $proxy_close_stream (i32.const 0))))"#
    );
    let mut plugin = start(&body);
    let (_, stream) = plugin.stream(&[]);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["0", "0", "0", "0"]);
    assert!(stream.effects.borrow().is_empty());
}

#[test]
fn stream_types_beyond_the_known_ones_are_refused() {
    let body = r#"(call $say (call $proxy_continue_stream (i32.const 2)))
        (call $say (call $proxy_continue_stream (i32.const 3)))
        (call $say (call $proxy_continue_stream (i32.const 4)))
        (call $say (call $proxy_close_stream (i32.const 3)))
        (call $say (call $proxy_close_stream (i32.const 4)))"#;
    let said = start(&on_request_headers(body)).request(&[]);
    assert_eq!(said, ["0", "12", "2", "0", "2"]);
}

#[test]
fn effects_reach_the_host_in_the_order_they_were_asked_for() {
    let body = format!(
        r#"(func (export "proxy_on_tick") (param i32)
             (drop (call $proxy_set_effective_context (i32.const 2)))
             (drop (call $proxy_continue_stream (i32.const 1)))
             {REPLY}
             (drop (call $proxy_continue_stream (i32.const 1)))
             (drop (call $proxy_close_stream (i32.const 1))))"#
    );
    let mut plugin = start(&body);
    let (_, stream) = plugin.stream(&[]);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(
        *stream.effects.borrow(),
        ["continue Response", "reply 403", "close"]
    );
}

#[test]
fn a_resume_and_a_pause_in_one_callback_mean_go_on() {
    let resume = "(drop (call $proxy_continue_stream (i32.const 0)))";
    let mut plugin = start(&callback("proxy_on_request_headers", resume, 1));
    let (id, stream) = plugin.stream(&[]);
    assert_eq!(
        plugin.vm.on_request_headers(id, true),
        Ok(HeadersAction::Continue)
    );
    assert!(stream.effects.borrow().is_empty());
}

#[test]
fn a_resume_of_the_other_direction_leaves_the_pause_alone() {
    let resume = "(drop (call $proxy_continue_stream (i32.const 1)))";
    let mut plugin = start(&callback("proxy_on_request_headers", resume, 1));
    let (id, stream) = plugin.stream(&[]);
    let action = plugin.vm.on_request_headers(id, true);
    assert_eq!(action, Ok(HeadersAction::StopAllIterationAndWatermark));
    assert_eq!(*stream.effects.borrow(), ["continue Response"]);
}

#[test]
fn a_stream_that_has_ended_cannot_be_answered_or_resumed() {
    let body = format!(
        r#"(func (export "proxy_on_log") (param i32)
             {REPLY} (call $say (call $proxy_continue_stream (i32.const 0)))
             (call $say (call $proxy_close_stream (i32.const 0))))"#
    );
    let mut plugin = start(&body);
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_log(id).unwrap();
    assert_eq!(plugin.said(), ["0", "0", "0"]);
    assert!(stream.effects.borrow().is_empty());
}

#[test]
fn a_guest_that_repeats_itself_resumes_once() {
    let body = "(local $n i32) (loop $again
        (drop (call $proxy_continue_stream (i32.const 0)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))";
    let mut plugin = start(&on_request_headers(body));
    let (id, stream) = plugin.stream(&[]);
    plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(*stream.effects.borrow(), ["continue Request"]);
}
