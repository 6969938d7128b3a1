//! The filters of this repository, in the configurations that ship with it.

use tollgate_integration_tests::client::Response;
use tollgate_integration_tests::{Proxy, SharedPair};

use crate::support::MAIN;

static API_KEY: SharedPair = SharedPair::new("api-key-auth.yaml");
static RATE_LIMIT: SharedPair = SharedPair::new("local-rate-limit.yaml");
static BOTH: SharedPair = SharedPair::new("chain.yaml");
static HELLO: SharedPair = SharedPair::new("hello.yaml");

const ALICE: &str = "demo-key-of-alice";
const BOB: &str = "demo-key-of-bob";

fn with_key(proxy: &Proxy, path: &str, key: &str) -> Response {
    proxy.get(MAIN, path).header("x-api-key", key).send()
}

/// Statuses of requests with these keys to one path.
fn statuses<const N: usize>(proxy: &Proxy, path: &str, keys: [&str; N]) -> [u16; N] {
    keys.map(|key| with_key(proxy, path, key).status)
}

#[test]
fn the_hello_filter_wants_to_be_greeted() {
    let (refused, accepted, received) = HELLO.compare(|proxy| {
        let refused = proxy.get(MAIN, "/").send();
        let accepted = proxy.get(MAIN, "/").header("x-hello", "yes").send();
        (refused, accepted, proxy.origin().only_request())
    });
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (403, "say hello first\n")
    );
    assert_eq!(accepted.status, 200);
    assert_eq!(received.header("x-greeted"), Some("by tollgate"));
}

#[test]
fn a_request_without_a_key_is_answered_401_with_a_challenge() {
    let (response, asked) = API_KEY.compare(|proxy| {
        let response = proxy.get(MAIN, "/").send();
        (response, proxy.origin().received().len())
    });
    assert_eq!((response.status, asked), (401, 0));
    assert_eq!(
        response.header("www-authenticate"),
        Some("ApiKey realm=\"api\"")
    );
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    assert!(
        response.text().contains("\"status\":401"),
        "{}",
        response.text()
    );
}

#[test]
fn unknown_and_expired_keys_are_answered_401() {
    let outcome = API_KEY.compare(|proxy| statuses(proxy, "/", ["wrong", "demo-key-of-carol", ""]));
    assert_eq!(outcome, [401, 401, 401]);
}

#[test]
fn a_good_key_becomes_the_consumers_name() {
    let received = API_KEY.compare(|proxy| {
        let request = proxy.get(MAIN, "/").header("x-api-key", ALICE);
        let response = request.header("x-consumer", "mallory").send();
        assert_eq!(response.status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.headers.all("x-consumer"), ["alice"]);
    assert_eq!(received.header("x-api-key"), None);
}

#[test]
fn a_key_may_be_known_by_its_hash_only() {
    let received = API_KEY.compare(|proxy| {
        assert_eq!(with_key(proxy, "/", BOB).status, 200);
        proxy.origin().only_request()
    });
    assert_eq!(received.header("x-consumer"), Some("bob"));
}

#[test]
fn a_key_in_the_query_or_a_cookie_is_taken_out_of_it() {
    let received = API_KEY.compare(|proxy| {
        let path = format!("/a?x=1&apikey={ALICE}&y=2");
        assert_eq!(proxy.get(MAIN, &path).send().status, 200);
        let cookies = format!("theme=dark; api_key={BOB}; lang=en");
        assert_eq!(
            proxy
                .get(MAIN, "/b")
                .header("cookie", &cookies)
                .send()
                .status,
            200
        );
        proxy.origin().received()
    });
    assert_eq!(received[0].path, "/a?x=1&y=2");
    assert_eq!(received[1].header("cookie"), Some("theme=dark; lang=en"));
    assert_eq!(received[1].header("x-consumer"), Some("bob"));
}

#[test]
fn a_rule_admits_a_group_only() {
    let outcome = API_KEY.compare(|proxy| {
        (
            statuses(proxy, "/admin", [ALICE, BOB]),
            proxy.get(MAIN, "/admin").send().status,
        )
    });
    assert_eq!(outcome, ([200, 403], 401));
}

#[test]
fn a_disabled_rule_and_shadow_mode_let_everybody_pass() {
    let outcome = API_KEY.compare(|proxy| {
        let public = proxy
            .get(MAIN, "/public/x")
            .header("x-consumer", "mallory")
            .send()
            .status;
        let trial = proxy.get(MAIN, "/trial").send().status;
        let received = proxy.origin().received();
        let claimed = received
            .iter()
            .any(|request| request.header("x-consumer").is_some());
        (public, trial, claimed)
    });
    assert_eq!(outcome, (200, 200, false));
}

#[test]
fn a_grpc_call_without_a_key_is_unauthenticated() {
    let response = API_KEY.compare(|proxy| {
        let request = proxy.post(MAIN, "/pkg.Service/Method").http2();
        request.grpc().send()
    });
    assert_eq!(
        (response.status, response.header("grpc-status")),
        (200, Some("16"))
    );
}

#[test]
fn requests_beyond_the_limit_are_answered_429() {
    let responses = RATE_LIMIT.compare(|proxy| {
        [(); 3]
            .map(|()| proxy.get(MAIN, "/limited").header("x-client", "one").send())
            .map(|response| {
                // When the limit is whole again depends on the clock.
                let headers = response.headers.clone().without("ratelimit-reset");
                let retries = headers.get("retry-after").is_some();
                let remaining = headers.get("ratelimit-remaining").map(str::to_owned);
                (response.status, remaining, retries)
            })
    });
    assert_eq!(
        responses,
        [
            (200, Some("1".to_owned()), false),
            (200, Some("0".to_owned()), false),
            (429, Some("0".to_owned()), true),
        ]
    );
}

#[test]
fn each_client_has_a_limit_of_its_own() {
    let outcome = RATE_LIMIT.compare(|proxy| {
        ["a", "a", "a", "b"].map(|client| {
            proxy
                .get(MAIN, "/limited/x")
                .header("x-client", client)
                .send()
                .status
        })
    });
    assert_eq!(outcome, [200, 200, 429, 200]);
}

#[test]
fn shadow_rules_and_exempt_paths_refuse_nobody() {
    let outcome = RATE_LIMIT.compare(|proxy| {
        let trial = [(); 3].map(|()| proxy.get(MAIN, "/trial").send().status);
        let healthy = proxy.get(MAIN, "/healthz").send();
        (
            trial,
            healthy.status,
            healthy.header("ratelimit-limit").is_some(),
        )
    });
    assert_eq!(outcome, ([200, 200, 200], 200, false));
}

#[test]
fn a_limited_grpc_call_is_told_its_resources_are_exhausted() {
    let response = RATE_LIMIT.compare(|proxy| {
        let call = || {
            let request = proxy
                .post(MAIN, "/limited/grpc")
                .http2()
                .header("x-client", "grpc");
            request.grpc().send()
        };
        let (_, _, last) = (call(), call(), call());
        (last.status, last.header("grpc-status").map(str::to_owned))
    });
    assert_eq!(response, (200, Some("8".to_owned())));
}

#[test]
fn the_limit_counts_the_consumer_that_the_key_names() {
    let outcome = BOTH.compare(|proxy| {
        let alice = statuses(proxy, "/", [ALICE, ALICE, ALICE, ALICE]);
        let bob = statuses(proxy, "/", [BOB, BOB]);
        (alice, bob, proxy.get(MAIN, "/").send().status)
    });
    assert_eq!(outcome, ([200, 200, 200, 429], [200, 429], 401));
}

#[test]
fn filters_count_what_they_decide() {
    let counted = API_KEY.compare(|proxy| {
        assert_eq!(with_key(proxy, "/", ALICE).status, 200);
        let metrics = proxy.custom_metrics("api_key_auth");
        metrics.keys().any(|name| name.contains("allowed"))
    });
    assert!(counted);
}
