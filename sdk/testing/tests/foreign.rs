//! Foreign functions: those of a test, and those that the SDK has a name for.

use serde_json::json;
use tollgate_testing::{Inject, LogLevel, Status, TestHost, for_each_fault};

#[path = "../../guest/examples/signer.rs"]
mod signer;
mod support;

use signer::Signer;

fn with_signature(host: TestHost) -> TestHost {
    host.foreign_function("sign_path", |path| match path {
        b"/secret" => Err(Status::BadArgument),
        path => Ok(path.iter().rev().copied().collect()),
    })
}

on_both_engines! { native::<Signer>, "tollgate" / "signer";
    fn a_function_of_the_test_answers_from_the_arguments(host) {
        let t = with_signature(host(json!(null)));
        t.get("/ab").send().assert_upstream_header("x-signature", "ba/");
        assert_eq!(t.hostcalls("proxy_call_foreign_function"), 3);
        t.assert_nothing_leaked();
    }

    fn what_is_signed_is_measured(host) {
        let t = with_signature(host(json!(null)));
        for path in ["/a", "/secret", "/abc"] {
            t.get(path).send();
        }
        t.assert_histogram("signed_path_bytes", 2, 6);
        assert_eq!(t.histogram("signed_bodies"), None);
    }

    fn a_function_may_refuse(host) {
        let t = with_signature(host(json!(null)));
        t.get("/secret").send().assert_status(503).assert_details("no_signature");
        t.assert_logged(LogLevel::Warn, "BadArgument");
    }

    fn a_function_that_nobody_answers_is_not_found(host) {
        let t = host(json!(null));
        t.get("/ab").send().assert_status(503);
        t.assert_logged(LogLevel::Warn, "NotFound");
    }

    fn what_envoy_knows_of_the_stream_is_seen_by_the_test(host) {
        let t = with_signature(host(json!(null)));
        let sent = t.get("/ab").send();
        assert_eq!(sent.filter_state("envoy.tcp_proxy.cluster").as_deref(), Some(&b"signed"[..]));
        assert_eq!(sent.filter_state("envoy.tcp_proxy.other"), None);
    }

    fn a_function_of_envoys_can_be_answered_too(host) {
        let t = with_signature(host(json!(null)))
            .foreign_function("set_envoy_filter_state", |_| Err(Status::NotFound));
        t.get("/ab").send().assert_status(500).assert_not_forwarded();
    }

    fn an_injected_fault_comes_before_the_answer(host) {
        let t = with_signature(host(json!(null)))
            .inject(Inject::hostcall("proxy_call_foreign_function").status(Status::Unimplemented));
        t.get("/ab").send().assert_status(503);
    }

    fn no_fault_of_the_host_harms_the_signer(host) {
        for_each_fault(|| with_signature(host(json!(null))), |t| {
            t.get("/ab").send();
        })
        .assert_survived();
    }
}
