//! What is kept of faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_config::FailurePolicy;

use super::{WasmRuntime, chain, guest, plugin, registry, runtime};
use crate::callout::tests::on_worker;
use crate::wasm::FaultGroup;

const CRASH: &str = r#"
    (func $culprit (drop (call $log (i32.const 5) (i32.const 10) (i32.const 6))) (unreachable))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $culprit) (i32.const 0))"#;

const OTHER: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (unreachable))"#;

/// Starts a guest on a worker of its own and has it crash.
fn crash(runtime: &Arc<WasmRuntime>, functions: &str) {
    let plugin = plugin(guest(functions), FailurePolicy::FailClosed);
    let plugin = registry(runtime).add(&plugin).unwrap();
    chain(&plugin).request_headers(true);
}

/// Waits until the reporter has looked at this many groups.
fn groups(runtime: &WasmRuntime, count: usize) -> Vec<FaultGroup> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let groups = runtime.faults().groups();
        if groups.len() >= count {
            return groups;
        }
        assert!(Instant::now() < deadline, "{groups:?}");
        std::thread::yield_now();
    }
}

#[test]
fn equal_faults_of_all_workers_are_one_group() {
    on_worker(async {
        let runtime = runtime();
        crash(&runtime, CRASH);
        let first = groups(&runtime, 1);
        assert_eq!(first[0].count, 1);
        for _ in 0..3 {
            crash(&runtime, CRASH);
        }
        let [group] = &groups(&runtime, 1)[..] else {
            panic!("more than one group");
        };
        assert_eq!(group.count, 4);
        assert_eq!(group.fingerprint, first[0].fingerprint);
        assert_eq!(group.frames[0].function, "culprit");
        let fault = &group.samples[0].fault;
        assert_eq!(fault.details.last_words.as_deref(), Some("denied"));
        let text = group.to_string();
        assert!(
            text.contains("proxy_log(level=Critical message=\"denied\") = Ok"),
            "{text}"
        );
    });
}

#[test]
fn faults_in_other_functions_are_groups_of_their_own() {
    on_worker(async {
        let runtime = runtime();
        crash(&runtime, CRASH);
        crash(&runtime, OTHER);
        let groups = groups(&runtime, 2);
        assert_ne!(groups[0].fingerprint, groups[1].fingerprint);
        assert_eq!(runtime.faults().unexamined(), 0);
    });
}
