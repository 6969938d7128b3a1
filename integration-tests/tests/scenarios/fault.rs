//! Guests that crash, under each failure policy. Every test has proxies of its own, for on Envoy a
//! crashed guest stays crashed.

use std::time::{Duration, Instant};

use tollgate_integration_tests::{Kind, Pair, Proxy};

fn start() -> Pair {
    Pair::start("conformance/faults.yaml")
}

const CLOSED: u16 = 10_000;
const OPEN: u16 = 10_001;
const RELOAD: u16 = 10_002;
const UNSPECIFIED: u16 = 10_003;
const RESPONSE: u16 = 10_004;
const WRONG_PHASE: u16 = 10_005;
const RECURSION: u16 = 10_006;

fn crash(proxy: &Proxy, listener: u16, how: &str) -> u16 {
    proxy
        .get(listener, "/crash")
        .header("x-crash", how)
        .send()
        .status
}

/// Status and whether the guest has seen the request.
fn ask(proxy: &Proxy, listener: u16) -> (u16, bool) {
    let before = proxy.origin().received().len();
    let status = proxy.get(listener, "/after").send().status;
    let received = proxy.origin().received();
    let request = received.get(before);
    (
        status,
        request.is_some_and(|r| r.header("x-guest") == Some("alive")),
    )
}

/// What comes after a crash: Envoy keeps the failed VM, Tollgate has a new one.
const fn after_crash(kind: Kind, on_envoy: (u16, bool)) -> (u16, bool) {
    match kind {
        Kind::Envoy => on_envoy,
        Kind::Tollgate => (200, true),
    }
}

#[test]
fn a_crashing_request_is_answered_503_and_the_policy_decides_about_the_next() {
    let pair = start();
    for (kind, outcome) in pair.each(|proxy| {
        (
            ask(proxy, CLOSED),
            crash(proxy, CLOSED, "request"),
            ask(proxy, CLOSED),
        )
    }) {
        let after = after_crash(kind, (503, false));
        assert_eq!(outcome, ((200, true), 503, after), "{kind:?}");
    }
    for (kind, outcome) in pair.each(|proxy| {
        (
            crash(proxy, UNSPECIFIED, "request"),
            ask(proxy, UNSPECIFIED),
        )
    }) {
        assert_eq!(outcome, (503, after_crash(kind, (503, false))), "{kind:?}");
    }
    for (kind, outcome) in pair.each(|proxy| {
        (
            ask(proxy, OPEN),
            crash(proxy, OPEN, "request"),
            ask(proxy, OPEN),
        )
    }) {
        let after = after_crash(kind, (200, false));
        assert_eq!(outcome, ((200, true), 503, after), "{kind:?}");
    }
}

#[test]
fn a_plugin_that_reloads_serves_again_after_a_moment() {
    let outcome = start().compare(|proxy| {
        let before = ask(proxy, RELOAD);
        let crashed = crash(proxy, RELOAD, "request");
        let deadline = Instant::now() + Duration::from_secs(10);
        while ask(proxy, RELOAD) != (200, true) {
            assert!(Instant::now() < deadline, "the plugin does not come back");
        }
        (before, crashed)
    });
    assert_eq!(outcome, ((200, true), 503));
}

#[test]
fn a_guest_may_crash_in_the_response_or_by_recursion_or_by_a_wrong_call() {
    for (kind, statuses) in start().each(|proxy| {
        [
            crash(proxy, RESPONSE, "response"),
            crash(proxy, RECURSION, "recursion"),
            crash(proxy, WRONG_PHASE, "wrong-phase"),
            ask(proxy, WRONG_PHASE).0,
        ]
    }) {
        let after = after_crash(kind, (503, false)).0;
        assert_eq!(statuses, [503, 503, 503, after], "{kind:?}");
    }
}

#[test]
fn the_answer_to_a_crash_is_empty_and_the_log_says_why() {
    let (response, log) = start().compare(|proxy| {
        let response = proxy
            .get(CLOSED, "/crash")
            .header("x-crash", "request")
            .send();
        (response, proxy.guest_log("closed", "panicked"))
    });
    assert_eq!((response.status, response.text().as_str()), (503, ""));
    assert!(log[0].starts_with("error panicked at"), "{log:?}");
}
