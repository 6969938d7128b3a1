//! `AssemblyScript`, which calls its older WASI module and its own abort.

use tollgate_conformance::{Host, Plugin, Setup};
use tollgate_integration_tests::Kind;

use crate::{ask, compare, module, refused, same, setup};

const GUEST: &str = include_str!("assemblyscript.wat");

#[test]
fn a_value_is_one_block_of_exactly_its_size() {
    let answer = compare(GUEST, |running| ask(running, "/"));
    // The root id for the stream's context, then the path.
    assert_eq!(answer, (200, vec!["info exact".to_owned(); 2]));
}

#[test]
fn an_abort_logs_exits_and_ends_the_vm() {
    let (status, log, after) = same(|host| {
        let running = host.serve(&setup(GUEST));
        let (status, mut log) = ask(&running, "/abort");
        // Envoy keeps the VM that has ended; Tollgate has a new one, whose start is logged too.
        log.truncate(3);
        let expected = match host.kind() {
            Kind::Envoy => 503,
            Kind::Tollgate => 200,
        };
        (status, log, ask(&running, "/afterwards").0 == expected)
    });
    assert_eq!(status, 503);
    assert_eq!(
        log,
        ["info exact", "info exact", "error unreachable reached"]
    );
    assert!(after, "the next request is not answered as documented");
}

#[test]
fn the_compilers_own_abort_is_no_import_of_a_host() {
    let guest = module(r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#);
    assert_eq!(refused(&guest, &["env.abort"]), "refuses: env.abort");
}

#[test]
fn grpc_calls_without_metadata_have_the_wrong_type() {
    let guest = module(
        r#"(import "env" "proxy_grpc_call"
             (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#,
    );
    let words = ["env.proxy_grpc_call"];
    assert_eq!(refused(&guest, &words), "refuses: env.proxy_grpc_call");
}

#[test]
fn a_helper_that_clears_the_route_cache_belongs_to_the_older_abi() {
    let guest = module(r#"(import "env" "proxy_clear_route_cache" (func (result i32)))"#);
    let words = ["env.proxy_clear_route_cache"];
    assert_eq!(
        refused(&guest, &words),
        "refuses: env.proxy_clear_route_cache"
    );
}

#[test]
fn a_callback_under_a_wrong_name_may_have_any_type() {
    assert!(GUEST.contains("\"proxy_on_grpc_trailing_metadata\") (param i64)"));
    assert_eq!(refused(GUEST, &[]), "serves");
    let right_name = GUEST.replace("grpc_trailing", "grpc_receive_trailing");
    let words = ["proxy_on_grpc_receive_trailing_metadata"];
    assert_eq!(
        refused(&right_name, &words),
        "refuses: proxy_on_grpc_receive_trailing_metadata"
    );
}

/// A plugin that is not given the root id which its SDK insists on: Envoy starts and answers every
/// request itself; Tollgate says so at once.
#[test]
fn a_crash_at_the_creation_of_the_root_context_is_not_served_by_anyone() {
    let setup = Setup::http(Plugin::wat(GUEST));
    for host in Host::all() {
        match host.kind() {
            Kind::Envoy => assert_eq!(ask(&host.serve(&setup), "/"), (503, vec![])),
            Kind::Tollgate => {
                let complaint = host.refuses(&setup).unwrap_or_default();
                assert!(complaint.contains("proxy_on_context_create"), "{complaint}");
            }
        }
    }
}
