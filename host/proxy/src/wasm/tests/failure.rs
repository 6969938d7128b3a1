use std::time::{Duration, Instant};

use tollgate_config::FailurePolicy;

use super::{
    Lab, answered_503, chain, chain_at, guest, passes, plugin, request, start, starts_once,
};
use crate::callout::tests::on_worker;
use crate::filter::Event;

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

#[test]
fn a_crash_is_answered_503_and_the_next_stream_is_served() {
    for policy in [
        FailurePolicy::FailClosed,
        FailurePolicy::FailOpen,
        FailurePolicy::FailReload,
    ] {
        on_worker(async move {
            let lab = Lab::new("");
            let plugin = lab.start(CRASH_SECOND, policy);
            passes(&request(&plugin));
            answered_503(&request(&plugin));
            passes(&request(&plugin));
            assert_eq!(lab.stat("wasm.guest.vm_reload_success"), 1);
            assert_eq!(lab.stat("wasm.guest.faults.trap"), 1);
        });
    }
}

#[test]
fn what_always_crashes_lets_nothing_pass() {
    on_worker(async {
        let plugin = start(CRASH, FailurePolicy::FailClosed);
        for _ in 0..10 {
            answered_503(&request(&plugin));
        }
    });
}

#[test]
fn a_vm_that_cannot_be_replaced_fails_what_its_policy_does_not_let_pass() {
    on_worker(async {
        let closed = start(&starts_once(CRASH), FailurePolicy::FailClosed);
        answered_503(&request(&closed));
        answered_503(&request(&closed));
        let open = start(&starts_once(CRASH), FailurePolicy::FailOpen);
        answered_503(&request(&open));
        passes(&request(&open));
    });
}

#[test]
fn a_replacement_that_has_failed_is_tried_again_after_the_back_off() {
    on_worker(async {
        let lab = Lab::new("");
        let plugin = lab.start(&starts_once(CRASH), FailurePolicy::FailReload);
        let now = Instant::now();
        let request = |now| chain_at(&[&plugin], now).request_headers(true);
        request(now);
        let reloads = || {
            let stat = |name| lab.stat(&format!("wasm.guest.vm_reload_{name}"));
            (stat("success"), stat("failure"), stat("backoff"))
        };
        assert_eq!(reloads(), (0, 0, 0));
        request(now);
        assert_eq!(reloads(), (0, 1, 0));
        request(now + Duration::from_millis(500));
        assert_eq!(reloads(), (0, 1, 1));
        request(now + Duration::from_secs(3));
        assert_eq!(reloads(), (0, 2, 1));
    });
}

#[test]
fn plugins_of_a_vm_are_replaced_together_and_in_their_order() {
    on_worker(async {
        let lab = Lab::new("");
        let first = plugin(guest(CRASH), FailurePolicy::FailClosed);
        let mut second = first.clone();
        second.root_id = "other".to_owned();
        let (first, second) = (
            lab.registry.add(&first).unwrap(),
            lab.registry.add(&second).unwrap(),
        );
        let roots = || (first.root_id(), second.root_id());
        let before = roots();
        answered_503(&request(&second));
        answered_503(&request(&second));
        answered_503(&request(&first));
        assert_eq!(roots(), before);
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
fn a_crash_at_the_end_of_a_stream_harms_nobody() {
    on_worker(async {
        let crash = r#"(func (export "proxy_on_log") (param i32) (unreachable))"#;
        let plugin = start(crash, FailurePolicy::FailClosed);
        let first = request(&plugin);
        passes(&first);
        first.complete(|| ());
        passes(&request(&plugin));
    });
}
