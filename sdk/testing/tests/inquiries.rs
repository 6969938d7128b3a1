//! gRPC services and name servers.

use std::time::Duration;

use tollgate_testing::{
    Artifact, DnsAnswer, GrpcAnswer, GrpcRequest, GrpcStatus, GrpcStep, Inject, Status, TestHost,
    for_each_fault,
};

#[path = "../../guest/examples/inquirer.rs"]
mod inquirer;

use inquirer::Inquirer;

const MS: Duration = Duration::from_millis(1);

/// A host for each engine, with every service.
fn hosts() -> [TestHost; 2] {
    let module = Artifact::example_with("tollgate", "inquirer", &["dns", "grpc"]);
    [TestHost::native::<Inquirer>(""), TestHost::wasm(module, "")].map(with_services)
}

fn with_services(host: TestHost) -> TestHost {
    host.grpc("authorizer", "auth.v1.Authorizer/Check", |request| {
        assert_eq!(request.metadata("x-tenant").as_deref(), Some("blue"));
        match request.message() {
            Some(b"/denied") => GrpcAnswer::error(GrpcStatus::PermissionDenied, "not you"),
            Some(b"/silent") => GrpcAnswer::nothing(),
            _ => GrpcAnswer::message(b"passed").after(5 * MS),
        }
    })
    .grpc("greeter", "greet.v1.Greeter/Greet", greet)
    .dns(
        "service.test",
        DnsAnswer::addresses([[192, 0, 2, 1], [192, 0, 2, 2]]).after(MS),
    )
}

/// Answers each word in capitals, and ends when no more come.
fn greet(request: &GrpcRequest) -> GrpcAnswer {
    match &request.step {
        GrpcStep::Open => GrpcAnswer::nothing().initial_metadata("x-mood", "good"),
        GrpcStep::Message(word) => GrpcAnswer::message(word.to_ascii_uppercase()).after(MS),
        _ => GrpcAnswer::nothing().end(GrpcStatus::Ok, ""),
    }
}

#[test]
fn a_unary_call_is_answered_refused_or_timed_out() {
    for t in hosts() {
        t.get("/a")
            .send()
            .assert_status(200)
            .assert_upstream_header("x-verdict", "passed");
        t.get("/denied").send().assert_not_forwarded();
        let before = t.now_nanos();
        t.get("/silent").send().assert_not_forwarded();
        assert_eq!(
            t.now_nanos() - before,
            100_000_000,
            "the call's own timeout"
        );
        t.assert_nothing_leaked();
    }
}

#[test]
fn a_stream_is_answered_step_by_step() {
    for t in hosts() {
        t.get("/greet")
            .send()
            .assert_upstream_header("x-greeting", "HELLOWORLD");
        t.assert_nothing_leaked();
    }
}

#[test]
fn a_name_has_addresses_or_none() {
    for t in hosts() {
        t.get("/address")
            .send()
            .assert_upstream_header("x-addresses", "2");
        // The SDK cannot tell a failure from a name without addresses, as Envoy does not.
        let t = t.dns("service.test", DnsAnswer::failure());
        t.get("/address")
            .send()
            .assert_upstream_header("x-addresses", "0");
    }
}

#[test]
fn a_refused_call_fails_its_request() {
    for t in hosts() {
        t.inject_now(Inject::hostcall("proxy_grpc_call").status(Status::InternalFailure));
        t.get("/a").send().assert_status(503).assert_not_forwarded();
        t.assert_nothing_leaked();
    }
}

#[test]
fn a_client_that_leaves_takes_its_callouts_along() {
    for t in hosts() {
        for path in ["/a", "/greet", "/address"] {
            t.get(path).leave_when_paused().send();
        }
        t.advance(Duration::from_secs(10));
        t.assert_nothing_leaked();
    }
}

#[test]
fn no_fault_of_the_host_harms_the_filter() {
    for index in 0..2 {
        let make = || hosts().into_iter().nth(index).unwrap();
        for_each_fault(make, |t| {
            for path in ["/a", "/greet", "/address"] {
                t.get(path).send();
            }
            t.advance(Duration::from_secs(10));
        })
        .assert_survived();
    }
}
