//! The filter as clients and upstreams see it, natively and as the module that ships.

#![expect(
    clippy::print_stderr,
    reason = "a failed test says which engine it ran on"
)]

use std::time::Duration;

use local_rate_limit::LocalRateLimit;
use serde_json::{Value, json};
use tollgate_testing::{LogLevel, TestHost, UpstreamResponse, assert_size_below};

/// Runs a test on both engines.
#[track_caller]
fn on_both(config: &Value, test: impl Fn(TestHost)) {
    eprintln!("engine: native");
    test(TestHost::native::<LocalRateLimit>(config));
    eprintln!("engine: wasm");
    test(TestHost::wasm("local-rate-limit", config));
}

/// Two requests in ten seconds by address, and more fields.
fn config(fields: &Value) -> Value {
    let mut config = json!({ "rules": [
        { "name": "per-ip", "key": ["remote_ip"], "limit": { "requests": 2, "per": "10s" } }
    ] });
    let all = config.as_object_mut().into_iter();
    all.for_each(|all| all.extend(fields.as_object().cloned().into_iter().flatten()));
    config
}

#[test]
fn a_client_above_its_limit_is_told_when_to_come_back() {
    on_both(&config(&json!({})), |t| {
        t.get("/")
            .send()
            .assert_status(200)
            .assert_header("ratelimit-limit", "2, 2;w=10")
            .assert_header("ratelimit-remaining", "1")
            .assert_header("ratelimit-reset", "5");
        t.get("/").send().assert_header("ratelimit-remaining", "0");
        let limited = t.get("/").send();
        limited
            .assert_status(429)
            .assert_not_forwarded()
            .assert_details("local_rate_limit_per-ip")
            .assert_header("ratelimit-remaining", "0")
            .assert_header("retry-after", "5")
            .assert_header("content-type", "application/problem+json");
        let problem: Value = serde_json::from_str(&limited.body()).unwrap();
        assert_eq!(problem["detail"], "rate limit exceeded");
        t.advance(Duration::from_secs(5));
        t.get("/").send().assert_status(200);
        t.get("/").send().assert_status(429);
        assert_eq!(t.metric("local_rate_limit{rule=per-ip,result=allowed}"), 3);
        assert_eq!(t.metric("local_rate_limit{rule=per-ip,result=limited}"), 2);
        t.assert_nothing_leaked();
    });
}

#[test]
fn seconds_to_wait_are_rounded_up() {
    on_both(&config(&json!({})), |t| {
        t.get("/").send();
        t.get("/").send();
        t.advance(Duration::from_millis(4_001));
        t.get("/")
            .send()
            .assert_status(429)
            .assert_header("retry-after", "1");
        t.advance(Duration::from_secs(1));
        t.get("/").send().assert_status(200);
    });
}

#[test]
fn clients_have_limits_of_their_own() {
    on_both(&config(&json!({})), |t| {
        for address in ["10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1"] {
            for status in [200, 200, 429] {
                t.get("/")
                    .remote_address(address)
                    .send()
                    .assert_status(status);
            }
        }
        t.get("/")
            .remote_address("[2001:db8::2]:9")
            .send()
            .assert_status(429);
    });
}

#[test]
fn the_consumer_is_the_one_that_an_authentication_filter_found() {
    let rules = json!({ "rules": [
        { "name": "r", "key": ["consumer"], "limit": { "requests": 1, "per": "1m" } }
    ] });
    on_both(&rules, |t| {
        let ann = || t.get("/").property(["tollgate.consumer"], "ann");
        ann().send().assert_status(200);
        ann().remote_address("10.9.9.9:1").send().assert_status(429);
        t.get("/")
            .property(["tollgate.consumer"], "bob")
            .send()
            .assert_status(200);
        t.get("/")
            .header("tollgate.consumer", "ann")
            .send()
            .assert_status(200)
            .assert_no_header("ratelimit-limit");
        assert_eq!(t.metric("local_rate_limit{rule=r,result=skipped}"), 1);
    });
}

#[test]
fn the_state_is_shared_with_the_other_workers() {
    let config = config(&json!({ "max_keys": 1 }));
    on_both(&config, |t| {
        t.get("/").send();
        t.get("/").send();
        let state = t.shared_data("local_rate_limit:\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(state.len(), 24);
        // Another worker's view of the same keys.
        let other = TestHost::native::<LocalRateLimit>(&config);
        other.set_shared_data("local_rate_limit:\0\0\0\0\0\0\0\0", state);
        other.get("/").send().assert_status(429);
    });
}

#[test]
fn more_clients_than_keys_take_no_more_room() {
    on_both(&config(&json!({ "max_keys": 8 })), |t| {
        t.get("/")
            .remote_address("10.0.0.1:1")
            .send()
            .assert_status(200);
        t.get("/")
            .remote_address("10.0.0.1:1")
            .send()
            .assert_status(200);
        for client in 0..50 {
            let address = format!("10.1.0.{client}:1");
            t.get("/")
                .remote_address(&address)
                .send()
                .assert_status(200);
            t.advance(Duration::from_millis(1));
        }
        let state = t.shared_data("local_rate_limit:\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(state.len(), 8 * 24);
        // Who owes most is forgotten last.
        t.get("/")
            .remote_address("10.0.0.1:1")
            .send()
            .assert_status(429);
    });
}

#[test]
fn all_rules_count_and_the_first_that_refuses_answers() {
    let rules = json!({
        "headers": "draft08",
        "rules": [
            { "name": "all", "key": [{ "generic": "all" }], "limit": { "requests": 100, "per": "1m" } },
            { "name": "tenant", "match": { "path": { "template": "/t/{id}" } },
              "key": [{ "path_param": "id" }, { "header": "x-op" }],
              "limit": { "requests": 1, "per": "1m" } }
        ]
    });
    on_both(&rules, |t| {
        let send = |path| t.get(path).header("x-op", "read").send();
        send("/t/1")
            .assert_status(200)
            .assert_header(
                "ratelimit-policy",
                "\"all\";q=100;w=60, \"tenant\";q=1;w=60",
            )
            .assert_header("ratelimit", "\"all\";r=99;t=1, \"tenant\";r=0;t=60");
        send("/t/1")
            .assert_status(429)
            .assert_details("local_rate_limit_tenant")
            .assert_header("ratelimit", "\"all\";r=98;t=2, \"tenant\";r=0;t=60")
            .assert_header("retry-after", "60");
        send("/t/2").assert_status(200);
        send("/other").assert_header("ratelimit-policy", "\"all\";q=100;w=60");
    });
}

#[test]
fn a_shadow_rule_counts_and_says_nothing() {
    on_both(&config(&json!({ "shadow": true })), |t| {
        for _ in 0..3 {
            t.get("/")
                .send()
                .assert_status(200)
                .assert_no_header("ratelimit-limit");
        }
        assert_eq!(
            t.metric("local_rate_limit{rule=per-ip,result=shadow_limited}"),
            1
        );
    });
}

#[test]
fn a_missing_key_is_refused_if_the_operator_wants_it() {
    let rules = json!({
        "on_missing_key": "reject", "status": 503, "body": "text", "message": "try later",
        "rules": [{ "name": "r", "key": [{ "header": "x-tenant" }], "limit": { "requests": 1, "per": "1m" } }]
    });
    on_both(&rules, |t| {
        t.get("/").header("x-tenant", "a").send().assert_status(200);
        t.get("/")
            .send()
            .assert_status(503)
            .assert_body("try later\n")
            .assert_no_header("retry-after");
        assert_eq!(t.metric("local_rate_limit{rule=r,result=missing_key}"), 1);
    });
}

#[test]
fn exempt_requests_are_not_counted() {
    let exempt = json!({ "exempt": [{ "cidr": "10.0.0.0/8" }, { "match": { "path": { "exact": "/health" } } }] });
    on_both(&config(&exempt), |t| {
        for _ in 0..4 {
            t.get("/")
                .remote_address("10.2.3.4:1")
                .send()
                .assert_status(200);
            t.get("/health")
                .send()
                .assert_status(200)
                .assert_no_header("ratelimit-limit");
        }
        assert_eq!(t.metric("local_rate_limit_exempt"), 8);
    });
}

#[test]
fn a_cost_and_an_override_change_what_fits() {
    let rules = json!({ "rules": [{
        "name": "r", "key": [{ "header": "x-tier" }],
        "limit": { "requests": 10, "per": "10s", "burst": 20 },
        "cost": { "header": "x-cost" },
        "overrides": [{ "key": "gold", "limit": { "requests": 1000, "per": "10s" } }]
    }] });
    on_both(&rules, |t| {
        let send = |tier, cost| {
            t.get("/")
                .header("x-tier", tier)
                .header("x-cost", cost)
                .send()
        };
        send("tin", "15")
            .assert_status(200)
            .assert_header("ratelimit-limit", "20, 20;w=20")
            .assert_header("ratelimit-remaining", "5");
        send("tin", "6")
            .assert_status(429)
            .assert_header("retry-after", "1");
        send("tin", "5").assert_status(200);
        send("gold", "900")
            .assert_status(200)
            .assert_header("ratelimit-remaining", "100");
    });
}

#[test]
fn a_grpc_client_gets_a_grpc_status() {
    for (fields, status) in [(json!({}), "8"), (json!({ "grpc_status": 14 }), "14")] {
        on_both(&config(&fields), |t| {
            let grpc = || {
                t.post("/a.B/C")
                    .header("content-type", "application/grpc+proto")
            };
            grpc().send();
            grpc().send();
            grpc()
                .send()
                .assert_status(200)
                .assert_header("grpc-status", status)
                .assert_header("grpc-message", "rate limit exceeded")
                .assert_header("retry-after", "5");
        });
    }
}

#[test]
fn the_fields_of_the_upstream_give_way() {
    on_both(
        &config(&json!({ "headers": "x_ratelimit", "retry_after": false })),
        |t| {
            let t = t.origin(|_| UpstreamResponse::new(200).header("x-ratelimit-limit", "7"));
            t.get("/")
                .send()
                .assert_header("x-ratelimit-limit", "2, 2;w=10");
            t.get("/").send();
            t.get("/")
                .send()
                .assert_status(429)
                .assert_no_header("retry-after")
                .assert_header("x-ratelimit-reset", "10");
        },
    );
}

#[test]
fn foreign_bytes_in_shared_data_do_no_harm() {
    on_both(&config(&json!({ "max_keys": 1 })), |t| {
        t.set_shared_data("local_rate_limit:\0\0\0\0\0\0\0\0", vec![0xff; 100]);
        t.get("/").send().assert_status(200);
    });
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    let cases = [
        (json!({}), "rules: is missing"),
        (
            config(&json!({ "max_keys": -1 })),
            "max_keys: expected a whole number, found -1",
        ),
        (
            json!({ "rules": [{ "name": "r", "key": ["consumer"], "limit": { "requests": 1, "per": "1x" } }] }),
            "rules[0].limit.per: `1x` is not a duration; write 500ms, 10s, 1m, 1h, 1d or 1m30s",
        ),
    ];
    for (config, expected) in cases {
        on_both(&config, |t| {
            let refusal = t.start().unwrap_err();
            assert_eq!(refusal.reason(), format!("local-rate-limit: {expected}"));
            t.assert_logged(LogLevel::Critical, expected);
        });
    }
}

#[test]
fn the_examples_of_the_readme_are_accepted() {
    let readme = include_str!("../README.md");
    let json = readme
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let yaml = readme
        .split("value: |\n")
        .nth(1)
        .and_then(|rest| rest.split("- name:").next());
    for example in [json, yaml] {
        let host = TestHost::native::<LocalRateLimit>(example.unwrap());
        assert_eq!(host.start(), Ok(()));
    }
}

#[test]
fn the_module_stays_small() {
    assert_size_below("local-rate-limit", 140_000);
}
