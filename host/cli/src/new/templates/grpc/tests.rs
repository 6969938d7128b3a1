//! Each test runs natively; `cargo test --features wasm` runs it on the built module too.

use prost::Message;
use tollgate_testing::{GrpcAnswer, GrpcStatus, TestHost};

use super::{Directory, LookupRequest, LookupResponse};

const LOOKUP: &str = "directory.v1.Directory/Lookup";

fn hosts(config: &str) -> impl Iterator<Item = TestHost> {
    let hosts = [
        TestHost::native::<Directory>(config),
        #[cfg(feature = "wasm")]
        TestHost::wasm(env!("CARGO_PKG_NAME"), config),
    ];
    hosts.into_iter()
}

#[test]
fn the_service_names_the_user() {
    for t in hosts(r#"{"cluster": "directory"}"#) {
        let t = t.grpc("directory", LOOKUP, |request| {
            let request = LookupRequest::decode(request.message().unwrap_or_default());
            let name = format!("{} of the test", request.unwrap().user);
            GrpcAnswer::message(LookupResponse { name }.encode_to_vec())
        });
        let request = t.get("/").header("x-user", "ann");
        let sent = request.header("x-user-name", "root").send();
        sent.assert_status(200)
            .assert_upstream_header("x-user-name", "ann of the test");
        t.assert_nothing_leaked();
    }
}

#[test]
fn an_unknown_user_is_refused_and_a_failure_is_no_reason_to() {
    for t in hosts(r#"{"cluster": "directory"}"#) {
        let t = t.grpc("directory", LOOKUP, |request| {
            let request = LookupRequest::decode(request.message().unwrap_or_default());
            match &*request.unwrap().user {
                "nobody" => GrpcAnswer::error(GrpcStatus::NotFound, "no such user"),
                "slow" => GrpcAnswer::nothing(),
                _ => GrpcAnswer::message(b"\xff no message"),
            }
        });
        let with = |user: &str| t.get("/").header("x-user", user).send();
        with("nobody")
            .assert_status(403)
            .assert_details("unknown_user");
        with("slow")
            .assert_status(503)
            .assert_details("directory_failed");
        with("broken").assert_status(503).assert_not_forwarded();
        t.get("/").send().assert_status(401);
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    for t in hosts(r#"{"cluster": "directory", "timeout_ms": 0}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.ends_with("timeout_ms: must be > 0"), "{reason}");
    }
}
