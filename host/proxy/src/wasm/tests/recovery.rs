//! A VM that fails is replaced without a stream that asks for it.

use std::time::{Duration, Instant};

use tollgate_config::FailurePolicy;

use super::{Lab, header, request, starts_once};
use crate::callout::tests::on_worker;

/// Ticks, and crashes in the first tick of all VMs; the ticks of the next VM are counted in a metric.
const CRASH_IN_FIRST_TICK: &str = r#"
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $set_tick (i32.const 1))) (i32.const 1))
    (func (export "proxy_on_tick") (param i32)
        (if (call $get_shared (i32.const 0) (i32.const 7) (i32.const 300) (i32.const 304)
                (i32.const 308))
            (then
                (drop (call $set_shared (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 3)
                    (i32.const 0)))
                (unreachable)))
        (drop (call $define (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 300)))
        (drop (call $record (i32.load (i32.const 300)) (i64.const 1))))"#;

/// Crashes in every tick.
const CRASH_IN_TICK: &str = r#"
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $set_tick (i32.const 1))) (i32.const 1))
    (func (export "proxy_on_tick") (param i32) (unreachable))"#;

/// Crashes in its first tick; a stream sees what it is configured with.
const SHOW_AND_CRASH_IN_TICK: &str = r#"
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.store8 (i32.const 8192) (i32.const 49))
        (drop (call $set_tick (i32.const 1))) (i32.const 1))
    (func (export "proxy_on_tick") (param i32) (unreachable))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 8192)
            (i32.const 1)))
        (i32.const 0))"#;

/// Lets the worker's tasks run until a statistic is at least so much.
async fn reaches(lab: &Lab, name: &str, value: u64) {
    while lab.find_stat(name).is_none_or(|now| now < value) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn ticks_go_on_in_a_new_vm_without_any_stream() {
    for isolation in ["worker", "stream"] {
        on_worker(async move {
            let lab = Lab::new(&format!("isolation: {isolation}"));
            let _plugin = lab.start(CRASH_IN_FIRST_TICK, FailurePolicy::FailClosed);
            reaches(&lab, "wasmcustom.x-guest", 3).await;
            assert_eq!(lab.stat("wasm.guest.faults.trap"), 1);
            assert_eq!(lab.stat("wasm.guest.vm_reload_success"), 1);
        });
    }
}

#[test]
fn what_always_crashes_waits_for_the_back_off() {
    on_worker(async {
        let lab = Lab::new("");
        let _plugin = lab.start(CRASH_IN_TICK, FailurePolicy::FailClosed);
        let begin = Instant::now();
        reaches(&lab, "wasm.guest.faults.trap", 2).await;
        assert_eq!(lab.stat("wasm.guest.vm_reload_success"), 1);
        reaches(&lab, "wasm.guest.vm_reload_success", 2).await;
        assert!(begin.elapsed() >= Duration::from_secs(1));
        assert_eq!(
            lab.stat("wasm.guest.vm_reload_backoff"),
            0,
            "nobody was turned away"
        );
    });
}

#[test]
fn streams_are_served_while_their_plugins_own_vm_cannot_be_replaced() {
    on_worker(async {
        let lab = Lab::new("isolation: stream");
        let plugin = lab.start(
            &starts_once(SHOW_AND_CRASH_IN_TICK),
            FailurePolicy::FailClosed,
        );
        reaches(&lab, "wasm.guest.vm_reload_failure", 1).await;
        assert!(plugin.has_failed());
        let served = request(&plugin);
        assert_eq!(header(served.state(), "x-guest"), Some(b"1".to_vec()));
        served.complete(|| ());
    });
}
