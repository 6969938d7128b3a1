//! Tests of which requests share a limit, and which limit it is.

use super::{Charge, Policy};
use crate::test_client::TestClient;
use tollgate_filter_common::Request;
use tollgate_filter_common::json::read;

fn policy(fields: &str) -> Policy {
    let json = format!(r#"{{"rules": [{{"name": "r", {fields}}}]}}"#);
    read(json.as_bytes()).unwrap()
}

const LIMIT: &str = r#""limit": {"requests": 10, "per": "1s"}"#;

fn charge(policy: &Policy, client: &TestClient) -> Charge {
    let Ok(charge) = policy.rules[0].charge(&Request::new(client), policy.trusted_hops);
    charge
}

fn client(headers: &[(&'static str, &'static str)]) -> TestClient {
    TestClient {
        headers: headers.to_vec(),
        ..TestClient::default()
    }
}

fn from(address: &'static str) -> TestClient {
    TestClient {
        address: Some(address),
        ..TestClient::default()
    }
}

/// Returns cost and burst of a charge that counts.
fn count(charge: Charge) -> (u32, u32) {
    let Charge::Count { limit, cost, .. } = charge else {
        panic!("{charge:?}");
    };
    (cost, limit.burst())
}

#[test]
fn requests_with_the_same_values_share_a_limit() {
    for (part, header) in [
        (r#"{"header": "x-tenant"}"#, "x-tenant"),
        (r#"{"query": "tenant"}"#, ":path"),
        (r#"{"cookie": "tenant"}"#, "cookie"),
    ] {
        let policy = policy(&format!(r#""key": [{part}], {LIMIT}"#));
        let value = |value| match header {
            ":path" => {
                if value == "a" {
                    "/?tenant=a"
                } else {
                    "/?tenant=b"
                }
            }
            "cookie" => {
                if value == "a" {
                    "tenant=a"
                } else {
                    "tenant=b"
                }
            }
            _ => value,
        };
        let one = charge(&policy, &client(&[(header, value("a"))]));
        assert_eq!(
            one,
            charge(&policy, &client(&[(header, value("a")), ("x-other", "1")]))
        );
        assert_ne!(
            one,
            charge(&policy, &client(&[(header, value("b"))])),
            "{part}"
        );
        assert_eq!(charge(&policy, &client(&[])), Charge::Skipped, "{part}");
    }
}

#[test]
fn addresses_are_counted_by_prefix() {
    let policy = policy(&format!(r#""key": ["remote_ip"], {LIMIT}"#));
    assert_ne!(
        charge(&policy, &from("10.0.0.1")),
        charge(&policy, &from("10.0.0.2"))
    );
    assert_eq!(
        charge(&policy, &from("2001:db8::1")),
        charge(&policy, &from("2001:db8::2"))
    );
    assert_eq!(
        charge(&policy, &from("::ffff:10.0.0.1")),
        charge(&policy, &from("10.0.0.1"))
    );
}

#[test]
fn trusted_hops_choose_the_entry_of_x_forwarded_for() {
    let part = r#"{"remote_ip": {"trusted_hops": 1}}"#;
    let policy = policy(&format!(r#""key": [{part}], {LIMIT}"#));
    let behind = |forwarded| TestClient {
        headers: vec![("x-forwarded-for", forwarded)],
        address: Some("10.0.0.1"),
        consumer: None,
    };
    let one = charge(&policy, &behind("6.6.6.6, 1.2.3.4"));
    assert_eq!(one, charge(&policy, &behind("7.7.7.7, 1.2.3.4")));
    assert_ne!(one, charge(&policy, &behind("6.6.6.6, 1.2.3.5")));
    assert_eq!(
        charge(&policy, &behind("garbage")),
        charge(&policy, &from("10.0.0.1"))
    );
}

#[test]
fn a_path_parameter_and_a_constant_are_parts() {
    let policy = policy(&format!(
        r#""match": {{"path": {{"template": "/t/{{tenant}}/x"}}}},
           "key": [{{"path_param": "tenant"}}, {{"generic": "g"}}], {LIMIT}"#
    ));
    let path = |path| charge(&policy, &client(&[(":path", path)]));
    assert_eq!(path("/t/a/x?1"), path("/t/a/x"));
    assert_ne!(path("/t/a/x"), path("/t/b/x"));
    assert_eq!(path("/other"), Charge::NotMatched);
}

#[test]
fn the_consumer_is_the_one_an_authentication_filter_found() {
    let policy = policy(&format!(r#""key": ["consumer"], {LIMIT}"#));
    let ann = TestClient {
        consumer: Some("ann"),
        ..TestClient::default()
    };
    assert_eq!(count(charge(&policy, &ann)), (1, 10));
    assert_eq!(
        charge(&policy, &client(&[("consumer", "ann")])),
        Charge::Skipped
    );
}

#[test]
fn a_missing_key_is_skipped_rejected_or_replaced_by_the_address() {
    let reject = policy(&format!(
        r#""key": ["consumer"], "on_missing_key": "reject", {LIMIT}"#
    ));
    assert_eq!(charge(&reject, &from("10.0.0.1")), Charge::MissingKey);
    let fallback = policy(&format!(
        r#""key": ["consumer"], "on_missing_key": "fallback_ip", {LIMIT}"#
    ));
    assert_ne!(
        charge(&fallback, &from("10.0.0.1")),
        charge(&fallback, &from("10.0.0.2"))
    );
    assert_eq!(
        charge(&fallback, &from("10.0.0.1")),
        charge(&fallback, &from("10.0.0.1"))
    );
    assert_eq!(charge(&fallback, &client(&[])), Charge::Skipped);
}

#[test]
fn an_override_gives_some_keys_another_limit() {
    let policy = policy(&format!(
        r#""key": [{{"header": "x-tier"}}, "remote_ip"], {LIMIT}, "overrides": [
            {{"key": ["gold", "*"], "limit": {{"requests": 100, "per": "1s"}}}},
            {{"key": ["*", "10.0.0.0/8"], "limit": {{"requests": 1000, "per": "1s"}}}}
        ]"#
    ));
    let burst = |tier, address| {
        let headers = vec![("x-tier", tier)];
        count(charge(
            &policy,
            &TestClient {
                headers,
                address: Some(address),
                consumer: None,
            },
        ))
        .1
    };
    assert_eq!(burst("gold", "1.2.3.4"), 100);
    assert_eq!(burst("gold", "10.2.3.4"), 100);
    assert_eq!(burst("tin", "10.2.3.4"), 1000);
    assert_eq!(burst("tin", "1.2.3.4"), 10);
}

#[test]
fn a_cost_is_fixed_or_stands_in_a_header() {
    let fixed = policy(&format!(
        r#""key": [{{"generic": "g"}}], "cost": 5, {LIMIT}"#
    ));
    assert_eq!(count(charge(&fixed, &client(&[]))).0, 5);
    let policy = policy(&format!(
        r#""key": [{{"generic": "g"}}], "cost": {{"header": "x-cost"}}, {LIMIT}"#
    ));
    let cost = |value| count(charge(&policy, &client(&[("x-cost", value)]))).0;
    assert_eq!(count(charge(&policy, &client(&[]))).0, 1);
    assert_eq!(
        (cost("7"), cost("0"), cost("-3"), cost("many")),
        (7, 1, 1, 1)
    );
    assert_eq!(cost("99999999999"), u32::MAX);
}

#[test]
fn ranges_and_matches_are_exempt() {
    let policy: Policy = read(
        br#"{"rules": [{"name": "r", "key": ["remote_ip"], "limit": {"requests": 1, "per": "1s"}}],
            "exempt": [{"cidr": "10.0.0.0/8"}, {"match": {"path": {"exact": "/health"}}}]}"#,
    )
    .unwrap();
    let exempt = |client: &TestClient| {
        let Ok(exempt) = policy.is_exempt(&Request::new(client));
        exempt
    };
    assert!(exempt(&from("10.1.2.3")));
    assert!(exempt(&client(&[(":path", "/health")])));
    assert!(!exempt(&from("11.1.2.3")));
}
