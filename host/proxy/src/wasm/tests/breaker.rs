use std::time::{Duration, Instant};

use tollgate_config::FailurePolicy;

use super::{Lab, answered_503, chain_at, passes, request};
use crate::callout::tests::on_worker;

/// Crashes at requests without the header `x-guest`: those that come as they are.
const CRASH: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (call $header (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 300) (i32.const 304))
            (then (unreachable)))
        (i32.const 0))"#;

/// Three faults open it for a second.
const SETTINGS: &str = "breaker: {faults: 3, window: 10s, open_for: 1s}";

#[test]
fn what_fails_again_and_again_is_not_entered_for_a_while() {
    for isolation in ["worker", "stream"] {
        on_worker(async move {
            let lab = Lab::new(&format!("isolation: {isolation}\n{SETTINGS}"));
            let plugin = lab.start(CRASH, FailurePolicy::FailClosed);
            for _ in 0..5 {
                answered_503(&request(&plugin));
            }
            assert_eq!(lab.stat("wasm.guest.faults.trap"), 3);
            assert_eq!(lab.stat("wasm.guest.breaker_passed_over"), 2);
            assert_eq!(lab.stat("wasm.guest.breaker_open"), 1);
            let failing = lab.registry.runtime().failing_plugins().list();
            assert_eq!(failing, [("guest".to_owned(), 1)]);
        });
    }
}

#[test]
fn while_it_is_open_a_plugin_that_may_be_passed_by_is() {
    on_worker(async {
        let lab = Lab::new(SETTINGS);
        let plugin = lab.start(CRASH, FailurePolicy::FailOpen);
        (0..3).for_each(|_| answered_503(&request(&plugin)));
        passes(&request(&plugin));
        assert_eq!(lab.registry.runtime().failing_plugins().list(), []);
    });
}

#[test]
fn a_stream_that_ends_well_closes_it() {
    on_worker(async {
        let lab = Lab::new(SETTINGS);
        let plugin = lab.start(CRASH, FailurePolicy::FailClosed);
        (0..3).for_each(|_| answered_503(&request(&plugin)));
        let later = Instant::now() + Duration::from_secs(2);
        let trial = chain_at(&[&plugin], later);
        let state = trial.state();
        state.request_headers.borrow_mut().add(b"x-guest", b"yes");
        trial.request_headers(true);
        passes(&trial);
        assert_eq!(lab.stat("wasm.guest.breaker_open"), 1);
        trial.complete(|| ());
        assert_eq!(lab.stat("wasm.guest.breaker_open"), 0);
        assert_eq!(lab.registry.runtime().failing_plugins().list(), []);
    });
}

#[test]
fn a_plugin_that_goes_away_keeps_nobody_from_being_ready() {
    on_worker(async {
        let lab = Lab::new(SETTINGS);
        let plugin = lab.start(CRASH, FailurePolicy::FailClosed);
        (0..3).for_each(|_| answered_503(&request(&plugin)));
        let runtime = std::sync::Arc::clone(lab.registry.runtime());
        drop((plugin, lab));
        assert_eq!(runtime.failing_plugins().list(), []);
    });
}
