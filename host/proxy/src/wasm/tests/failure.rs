use std::time::{Duration, Instant};

use http::StatusCode;
use tollgate_config::FailurePolicy;

use super::{PluginHandle, chain, start};
use crate::callout::tests::on_worker;
use crate::filter::tests::stream_state;
use crate::filter::{Event, HttpFilterChain};

const CRASH: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable))"#;

/// Crashes on the second stream it sees: contexts 1 is the root, 2 the first stream.
const CRASH_SECOND: &str = r#"
    (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (if (i32.gt_u (local.get $id) (i32.const 2)) (then (unreachable)))
        (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))"#;

const PAUSE_THEN_CRASH: &str = r#"
    (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (if (i32.gt_u (local.get $id) (i32.const 2)) (then (unreachable)))
        (i32.const 1))"#;

fn answered_503(chain: &HttpFilterChain) {
    assert_eq!(chain.next_request_event(), None);
    let reply = chain.take_local_reply().unwrap();
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.details, "wasm_fail_stream");
    assert!(reply.body.is_empty());
}

fn passes(chain: &HttpFilterChain) {
    assert_eq!(
        chain.next_request_event(),
        Some(Event::Headers {
            end_of_stream: true
        })
    );
    assert!(chain.take_local_reply().is_none());
}

fn request(plugin: &PluginHandle) -> HttpFilterChain {
    let chain = chain(plugin);
    chain.request_headers(true);
    chain
}

#[test]
fn a_crash_is_answered_503_and_so_are_later_streams() {
    on_worker(async {
        let plugin = start(CRASH, FailurePolicy::FailClosed);
        answered_503(&request(&plugin));
        answered_503(&request(&plugin));
    });
}

#[test]
fn fail_open_answers_the_crash_503_and_lets_later_streams_pass() {
    on_worker(async {
        let plugin = start(CRASH, FailurePolicy::FailOpen);
        answered_503(&request(&plugin));
        assert!(plugin.create_filter(&stream_state()).is_none());
        passes(&request(&plugin));
    });
}

#[test]
fn the_old_fail_open_lets_the_crashing_stream_pass_too() {
    on_worker(async {
        let plugin = start(CRASH, FailurePolicy::LegacyFailOpen);
        passes(&request(&plugin));
        passes(&request(&plugin));
    });
}

#[test]
fn a_stream_in_flight_is_answered_503_at_its_next_callback() {
    on_worker(async {
        let plugin = start(CRASH_SECOND, FailurePolicy::FailClosed);
        let first = chain(&plugin);
        first.request_headers(false);
        assert_eq!(
            first.next_request_event(),
            Some(Event::Headers {
                end_of_stream: false
            })
        );
        answered_503(&request(&plugin));
        assert!(first.take_local_reply().is_none());
        first.request_data("x".into(), true);
        answered_503(&first);
    });
}

#[test]
fn a_paused_stream_does_not_hang_when_its_vm_fails() {
    on_worker(async {
        let plugin = start(PAUSE_THEN_CRASH, FailurePolicy::FailClosed);
        let first = request(&plugin);
        assert_eq!(first.next_request_event(), None);
        assert!(first.take_local_reply().is_none());
        answered_503(&request(&plugin));
        answered_503(&first);
    });
}

#[test]
fn a_paused_stream_goes_on_with_the_old_fail_open() {
    on_worker(async {
        let plugin = start(PAUSE_THEN_CRASH, FailurePolicy::LegacyFailOpen);
        let first = request(&plugin);
        assert_eq!(first.next_request_event(), None);
        passes(&request(&plugin));
        passes(&first);
    });
}

#[test]
fn a_stream_that_has_resumed_is_left_alone_when_its_vm_fails() {
    on_worker(async {
        let resume = r#"(func (export "proxy_on_request_headers") (param $id i32) (param i32 i32)
            (result i32)
            (if (i32.gt_u (local.get $id) (i32.const 3)) (then (unreachable)))
            (if (i32.eq (local.get $id) (i32.const 3)) (then
                (drop (call $act_on (i32.const 2)))
                (drop (call $continue (i32.const 0)))))
            (i32.const 1))"#;
        let plugin = start(resume, FailurePolicy::FailClosed);
        let first = request(&plugin);
        assert_eq!(first.next_request_event(), None);
        let second = request(&plugin);
        passes(&first);
        answered_503(&request(&plugin));
        answered_503(&second);
        assert!(first.take_local_reply().is_none());
    });
}

#[test]
fn fail_reload_waits_for_the_back_off_and_then_serves_anew() {
    on_worker(async {
        let plugin = start(CRASH_SECOND, FailurePolicy::FailReload);
        passes(&request(&plugin));
        answered_503(&request(&plugin));
        let soon = || Instant::now() + Duration::from_millis(500);
        let late = || Instant::now() + Duration::from_secs(3);
        let at = |now: fn() -> Instant| {
            let state = stream_state();
            let filters = plugin.create_filter_at(&state, now).into_iter().collect();
            let chain = HttpFilterChain::new(filters, state, 1024);
            chain.request_headers(true);
            chain
        };
        answered_503(&at(soon));
        passes(&at(late));
        answered_503(&request(&plugin));
    });
}

#[test]
fn an_endless_loop_costs_one_deadline() {
    on_worker(async {
        let endless = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (loop (br 0)) (i32.const 0))"#;
        let plugin = start(endless, FailurePolicy::FailClosed);
        let begin = Instant::now();
        answered_503(&request(&plugin));
        assert!(begin.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn a_crash_at_the_end_of_a_stream_harms_only_later_ones() {
    on_worker(async {
        let crash = r#"(func (export "proxy_on_log") (param i32) (unreachable))"#;
        let plugin = start(crash, FailurePolicy::FailClosed);
        let first = request(&plugin);
        passes(&first);
        first.complete(|| ());
        answered_503(&request(&plugin));
    });
}
