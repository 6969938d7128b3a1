//! Hosts that fail: one hostcall at a time, and all of them in a sweep.

use std::time::Duration;

use serde_json::json;
use tollgate::prelude::*;
use tollgate_testing::{
    Artifact, End, Fault, Inject, LogLevel, Status, TestHost, UpstreamResponse, for_each_fault,
};

#[path = "../../guest/examples/gatekeeper.rs"]
mod gatekeeper;
mod support;

use gatekeeper::Gatekeeper;

fn with_authorizer(host: TestHost) -> TestHost {
    host.upstream("a", |_| {
        UpstreamResponse::new(200).after(Duration::from_millis(5))
    })
}

fn config() -> serde_json::Value {
    json!({"cluster": "a", "heartbeat_ms": 1000})
}

on_both_engines! { native::<Gatekeeper>, "tollgate" / "gatekeeper";
    fn a_refused_callout_fails_the_request_it_was_for(host) {
        let t = with_authorizer(host(config()))
            .inject(Inject::hostcall("proxy_http_call").nth(2).status(Status::InternalFailure));
        t.get("/").header("x-user", "ann").send().assert_status(200);
        t.get("/").header("x-user", "bob").send().assert_status(503);
        t.get("/").header("x-user", "eve").send().assert_status(200);
        assert_eq!(t.hostcalls("proxy_http_call"), 3);
        t.assert_nothing_leaked();
    }

    fn an_unknown_status_is_an_error_like_any_other(host) {
        let t = with_authorizer(host(config()));
        t.get("/").header("x-user", "ann").send().assert_status(200);
        t.inject_now(Inject::hostcall("proxy_get_header_map_value").status_number(4711));
        t.get("/").header("x-user", "ann").send().assert_status(500);
        t.stop_injecting();
        t.get("/").header("x-user", "ann").send().assert_status(200);
    }

    fn a_value_may_be_any_bytes(host) {
        let t = with_authorizer(host(config()))
            .inject(Inject::hostcall("proxy_get_header_map_value").bytes(b"\xff\xfe"));
        t.get("/").header("x-user", "ann").send().assert_status(400);
    }

    fn a_start_that_fails_says_so(host) {
        let t = host(config())
            .inject(Inject::hostcall("proxy_get_buffer_bytes").status(Status::NotFound));
        let error = t.start().unwrap_err();
        assert!(!error.is_crash(), "{error}");
        t.assert_logged(LogLevel::Critical, "gatekeeper: ");
    }

    fn no_fault_of_the_host_harms_the_gatekeeper(host) {
        let sweep = for_each_fault(|| with_authorizer(host(config())), |t| {
            t.post("/").header("x-user", "ann").body("1 12345678").chunks(&[4]).send();
            t.get("/").send();
            t.advance(Duration::from_secs(2));
        });
        sweep.assert_survived();
        assert!(sweep.tried > 100, "only {} faults", sweep.tried);
    }
}

#[test]
fn a_wild_block_of_memory_is_refused_by_the_module() {
    let t = with_authorizer(TestHost::wasm(
        Artifact::example("tollgate", "gatekeeper"),
        config(),
    ));
    t.get("/").header("x-user", "ann").send().assert_status(200);
    t.inject_now(Inject::hostcall("proxy_get_header_map_value").block(0, 7));
    t.get("/").header("x-user", "ann").send().assert_status(500);
}

/// Panics on what it does not expect, as no filter should.
struct Careless;

impl Plugin for Careless {
    const NAME: &'static str = "careless";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Careless {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        assert!(ex.header("x-user").is_ok(), "a host always answers");
        Ok(())
    }
}

#[test]
fn a_sweep_finds_what_panics_and_says_at_which_fault() {
    let sweep = for_each_fault(
        || TestHost::native::<Careless>(""),
        |t| {
            t.get("/").send();
        },
    );
    let names: Vec<_> = sweep.failures.iter().map(ToString::to_string).collect();
    assert!(
        names.contains(
            &"proxy_get_header_map_value (call 1) answers BadArgument (2): \
              panicked: a host always answers"
                .to_owned()
        ),
        "{names:#?}"
    );
    assert!(
        !names.iter().any(|name| name.contains("call 2")),
        "{names:#?}"
    );
    assert!(
        matches!(sweep.failures[0].fault, Fault::Hostcall(_)),
        "{names:#?}"
    );
}

/// Asks the host again and again until it is refused, as no filter should.
struct Endless;

impl Plugin for Endless {
    const NAME: &'static str = "endless";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Endless {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        while ex.header("x-more")?.is_some() {}
        Ok(())
    }
}

#[test]
fn a_sweep_finds_what_never_ends() {
    let sweep = for_each_fault(
        || TestHost::native::<Endless>(""),
        |t| {
            t.get("/").send();
        },
    );
    let endless = |failure: &tollgate_testing::Failure| failure.what.contains("has no end");
    assert!(sweep.failures.iter().any(endless), "{sweep:?}");
}

#[test]
fn a_crash_is_how_the_request_ends() {
    let t = TestHost::wasm(Artifact::example("tollgate", "crash"), "");
    let crashed = t.get("/").header("x-crash", "now").send();
    assert!(matches!(crashed.end(), End::Crashed(_)), "{crashed}");
}
