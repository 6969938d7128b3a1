//! The filter as clients and upstreams see it, natively and as the module that ships.

#![expect(
    clippy::print_stderr,
    reason = "a failed test says which engine it ran on"
)]

use api_key_auth::ApiKeyAuth;
use serde_json::{Value, json};
use tollgate_testing::{LogLevel, TestHost, assert_size_below};

/// Runs a test on both engines.
#[track_caller]
fn on_both(config: &Value, test: impl Fn(TestHost)) {
    eprintln!("engine: native");
    test(TestHost::native::<ApiKeyAuth>(config));
    eprintln!("engine: wasm");
    test(TestHost::wasm("api-key-auth", config));
}

fn config() -> Value {
    json!({
        "keys": [
            { "key": "k-ann", "consumer": "ann", "groups": ["admin"] },
            // printf k-bob | sha256sum
            { "sha256": "dc3b2e6c977deebea495ebfecc09fd036765694a52702a8cc4230f246380a281", "consumer": "bob" },
            { "key": "k-tmp", "consumer": "tmp", "expires": "2026-06-01T00:00:00Z" }
        ],
        "consumer_header": "x-consumer"
    })
}

/// Returns the configuration with more fields.
fn config_with(fields: &Value) -> Value {
    let mut config = config();
    let all = config.as_object_mut().into_iter();
    all.for_each(|all| all.extend(fields.as_object().cloned().into_iter().flatten()));
    config
}

#[test]
fn a_known_key_passes_in_the_name_of_its_consumer() {
    on_both(&config(), |t| {
        for (key, consumer) in [("k-ann", "ann"), ("k-bob", "bob"), ("k-tmp", "tmp")] {
            t.get("/")
                .header("x-api-key", key)
                .send()
                .assert_status(200)
                .assert_upstream_header("x-consumer", consumer)
                .assert_no_upstream_header("x-api-key");
        }
        assert_eq!(t.metric("api_key_auth{result=allowed}"), 3);
        t.assert_nothing_leaked();
    });
}

#[test]
fn a_request_defines_no_counter_of_its_own() {
    on_both(&config(), |t| {
        t.start().unwrap();
        let before = t.hostcalls("proxy_define_metric");
        t.get("/").header("x-api-key", "k-ann").send();
        t.get("/").send().assert_status(401);
        assert_eq!(t.hostcalls("proxy_define_metric"), before);
        t.assert_counter("api_key_auth{result=missing_key}", 1);
        t.assert_counter("api_key_auth{result=anonymous}", 0);
    });
}

#[test]
fn a_missing_wrong_or_expired_key_is_a_401_that_says_what_to_present() {
    on_both(&config(), |t| {
        let t = t.clock("2026-06-01T00:00:00Z");
        let missing = t.get("/").send();
        missing
            .assert_status(401)
            .assert_not_forwarded()
            .assert_details("api_key_auth_missing_key")
            .assert_header("www-authenticate", "ApiKey realm=\"api\"")
            .assert_header("content-type", "application/problem+json");
        let problem: Value = serde_json::from_str(&missing.body()).unwrap();
        assert_eq!(problem["status"], 401);
        assert_eq!(problem["title"], "Unauthorized");
        t.get("/")
            .header("x-api-key", "k-eve")
            .send()
            .assert_status(401)
            .assert_details("api_key_auth_invalid_key");
        t.get("/")
            .header("x-api-key", "k-tmp")
            .send()
            .assert_status(401)
            .assert_details("api_key_auth_expired_key");
        t.get("/")
            .header("x-api-key", b"\xff\x00")
            .send()
            .assert_status(401);
        assert_eq!(t.metric("api_key_auth{result=missing_key}"), 1);
        assert_eq!(t.metric("api_key_auth{result=invalid_key}"), 2);
        assert_eq!(t.metric("api_key_auth{result=expired_key}"), 1);
    });
}

#[test]
fn a_consumer_that_is_not_allowed_is_a_403() {
    on_both(
        &config_with(&json!({ "allow_groups": ["admin"], "body": "text" })),
        |t| {
            t.get("/")
                .header("x-api-key", "k-ann")
                .send()
                .assert_status(200);
            t.get("/")
                .header("x-api-key", "k-bob")
                .send()
                .assert_status(403)
                .assert_details("api_key_auth_forbidden")
                .assert_no_header("www-authenticate")
                .assert_body("the API key is not allowed to do this\n");
        },
    );
}

#[test]
fn a_grpc_client_gets_a_grpc_status() {
    on_both(&config_with(&json!({ "allow_groups": ["admin"] })), |t| {
        let grpc = || t.post("/a.B/C").header("content-type", "application/grpc");
        grpc()
            .send()
            .assert_status(200)
            .assert_header("grpc-status", "16")
            .assert_header("grpc-message", "an API key is required");
        grpc()
            .header("x-api-key", "k-bob")
            .send()
            .assert_header("grpc-status", "7");
    });
}

#[test]
fn a_client_cannot_claim_to_be_a_consumer() {
    let rules = json!([
        { "match": { "path": { "exact": "/health" } }, "disabled": true },
        { "match": { "path": { "exact": "/shadow" } }, "shadow": true, "anonymous": null },
        { "match": { "headers": [{ "name": "x-consumer" }] }, "disabled": true }
    ]);
    let rules = rules.as_array().unwrap();
    // The last rule asks for the header itself, so that it has to go before the rules are looked at.
    for rules in [&rules[..2], rules] {
        assert_no_claims(&config_with(
            &json!({ "anonymous": "guest", "rules": rules }),
        ));
    }
}

fn assert_no_claims(config: &Value) {
    on_both(config, |t| {
        let send = |path| {
            t.get(path)
                .header("X-Consumer", "root")
                .header("x-consumer", "ann")
                .send()
        };
        send("/").assert_upstream_header("x-consumer", "guest");
        send("/health").assert_no_upstream_header("x-consumer");
        send("/shadow").assert_no_upstream_header("x-consumer");
        assert_eq!(t.metric("api_key_auth{result=anonymous}"), 1);
        assert_eq!(t.metric("api_key_auth{result=exempt}"), 1);
        assert_eq!(t.metric("api_key_auth{result=shadow_missing_key}"), 1);
    });
}

#[test]
fn a_key_is_known_again() {
    on_both(&config(), |t| {
        for (key, status) in [
            ("k-ann", 200),
            ("nobody", 401),
            ("k-ann", 200),
            ("nobody", 401),
        ] {
            let sent = t.get("/").header("x-api-key", key).send();
            sent.assert_status(status);
            if status == 200 {
                sent.assert_upstream_header("x-consumer", "ann");
            }
        }
    });
}

#[test]
fn credentials_are_taken_out_of_every_place() {
    let sources = json!({ "sources": [
        { "header": "authorization", "prefix": "Bearer " }, { "query": "key" }, { "cookie": "key" }
    ] });
    on_both(&config_with(&sources), |t| {
        let sent = t
            .get("/a?x=1&key=k-eve&y=2")
            .header("authorization", "bearer k-ann")
            .header("cookie", "a=1; key=k-bob")
            .header("cookie", "b=2")
            .send();
        sent.assert_status(200)
            .assert_no_upstream_header("authorization")
            .assert_upstream_header(":path", "/a?x=1&y=2")
            .assert_upstream_header("cookie", "a=1; b=2");
        t.get("/a?key=k-bob")
            .header("cookie", "key=1")
            .send()
            .assert_upstream_header("x-consumer", "bob")
            .assert_upstream_header(":path", "/a")
            .assert_no_upstream_header("cookie");
        t.get("/")
            .header("authorization", "Bearer nobody")
            .send()
            .assert_header(
                "www-authenticate",
                "Bearer realm=\"api\", error=\"invalid_token\"",
            );
    });
}

#[test]
fn credentials_stay_if_the_operator_or_shadow_mode_wants_it() {
    on_both(&config_with(&json!({ "hide_credentials": false })), |t| {
        t.get("/")
            .header("x-api-key", "k-ann")
            .send()
            .assert_upstream_header("x-api-key", "k-ann");
    });
    on_both(&config_with(&json!({ "shadow": true })), |t| {
        t.get("/")
            .header("x-api-key", "k-ann")
            .send()
            .assert_upstream_header("x-api-key", "k-ann")
            .assert_upstream_header("x-consumer", "ann");
        t.get("/")
            .header("x-api-key", "k-eve")
            .send()
            .assert_status(200)
            .assert_upstream_header("x-api-key", "k-eve");
        assert_eq!(t.metric("api_key_auth{result=shadow_invalid_key}"), 1);
    });
}

#[test]
fn a_rule_for_a_path_holds_for_its_detours() {
    let rules = json!({ "rules": [
        { "match": { "path": { "prefix": "/public/" } }, "disabled": true },
        { "match": { "host": "*.example.com", "path": { "template": "/t/{id}" }, "methods": ["GET"] },
          "allow_groups": ["admin"], "realm": "tenants" }
    ] });
    on_both(&config_with(&rules), |t| {
        t.get("/public/a").send().assert_status(200);
        t.get("/public/../secret").send().assert_status(401);
        t.get("/public/%2e%2e/secret").send().assert_status(401);
        let bob = |path, host| {
            t.get(path)
                .header("host", host)
                .header("x-api-key", "k-bob")
                .send()
        };
        bob("/t/1", "a.example.com:8080").assert_status(403);
        bob("/t//1", "A.EXAMPLE.COM").assert_status(403);
        bob("/t/1/2", "a.example.com").assert_status(200);
        bob("/t/1", "example.org").assert_status(200);
        t.get("/t/1")
            .header("host", "a.example.com")
            .send()
            .assert_header("www-authenticate", "ApiKey realm=\"tenants\"");
    });
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    let cases = [
        (json!({}), "keys: is missing"),
        (
            json!({ "keys": [{ "key": "a" }] }),
            "keys[0].consumer: is missing",
        ),
        (
            json!({ "keys": [{ "key": "a", "consumer": "a" }], "rules": [{ "match": { "hosts": 1 } }] }),
            "rules[0].match.hosts: unknown field, expected one of `host`, `path`, `methods`, `headers`",
        ),
    ];
    for (config, expected) in cases {
        on_both(&config, |t| {
            let refusal = t.start().unwrap_err();
            assert_eq!(refusal.reason(), format!("api-key-auth: {expected}"));
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
        let host = TestHost::native::<ApiKeyAuth>(example.unwrap());
        assert_eq!(host.start(), Ok(()));
    }
}

#[test]
fn the_module_stays_small() {
    assert_size_below("api-key-auth", 110_000);
}
