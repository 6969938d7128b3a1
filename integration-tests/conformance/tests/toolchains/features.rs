//! What modules are made of: proposals that compilers use.

use tollgate_conformance::Host;
use tollgate_integration_tests::Kind;

use crate::{ask, compare, setup};

#[test]
fn what_compilers_emit_today_works() {
    let guest = include_str!("features.wat");
    let answer = compare(guest, |running| ask(running, "/"));
    assert_eq!(answer, (200, vec!["info every feature works".to_owned()]));
}

/// Tollgate has no collector for guests' objects, which exceptions need as well; it says so when it
/// loads the module.
#[test]
fn exceptions_and_objects_run_on_envoy_alone() {
    only_envoy_serves(include_str!("exceptions.wat"), "info caught", "gc");
}

/// A VM has one memory, which its limit is about.
#[test]
fn a_second_memory_works_on_envoy_alone() {
    only_envoy_serves(
        include_str!("multi-memory.wat"),
        "info first",
        "multiple memories",
    );
}

/// Envoy crashes, the whole process: it takes the call before it knows the instance's memory.
/// Tollgate logs and serves.
#[test]
fn a_hostcall_in_the_start_section_is_nothing_to_crash_of() {
    let setup = setup(include_str!("start-section-logs.wat"));
    for host in Host::all() {
        match host.kind() {
            Kind::Envoy => {
                let complaint = host.refuses(&setup).unwrap_or_default();
                assert!(complaint.contains("Segmentation fault"), "{complaint}");
            }
            Kind::Tollgate => {
                let running = host.serve(&setup);
                assert_eq!(ask(&running, "/").0, 200);
                assert_eq!(
                    running.log().first().map(String::as_str),
                    Some("info from the start section")
                );
            }
        }
    }
}

#[track_caller]
fn only_envoy_serves(guest: &str, logged: &str, reason: &str) {
    let setup = setup(guest);
    for host in Host::all() {
        match host.kind() {
            Kind::Envoy => {
                let answer = ask(&host.serve(&setup), "/");
                assert_eq!(answer, (200, vec![logged.to_owned()]));
            }
            Kind::Tollgate => {
                let complaint = host.refuses(&setup).unwrap_or_default();
                assert!(complaint.contains(reason), "{complaint}");
            }
        }
    }
}
