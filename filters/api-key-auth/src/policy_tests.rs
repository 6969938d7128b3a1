//! Tests of decisions, from configuration and head.

use super::{Decision, Policy};
use crate::config::Config;
use crate::test_head::Head;
use tollgate_filter_common::Request;
use tollgate_filter_common::json::read;

fn policy(json: &str) -> Policy {
    read::<Config>(json.as_bytes())
        .unwrap()
        .into_policy()
        .unwrap()
}

/// Says what happens to a request at the 1st of January 2026.
fn decide(policy: &Policy, headers: &[(&'static str, &'static str)]) -> String {
    let head = Head(headers.to_vec());
    let Ok(decision) = policy.decide(&Request::new(&head), || 1_767_225_600);
    match decision {
        Decision::Exempt => "exempt".into(),
        Decision::Accept {
            consumer,
            is_anonymous,
            ..
        } => {
            format!(
                "{}{}",
                if is_anonymous { "anonymous " } else { "" },
                consumer.as_str()
            )
        }
        Decision::Refuse { refusal, .. } => format!("{} {}", refusal.status(), refusal.name()),
    }
}

const KEYS: &str = r#""keys": [
    {"key": "k-ann", "consumer": "ann", "groups": ["staff", "admin"]},
    {"key": "k-bob", "consumer": "bob"},
    {"key": "k-old", "consumer": "old", "expires": "2026-01-01T00:00:00Z"},
    {"key": "k-new", "consumer": "new", "expires": "2026-01-01T00:00:01Z"}
]"#;

#[test]
fn a_request_passes_by_a_known_key_that_has_not_expired() {
    let policy = policy(&format!("{{{KEYS}}}"));
    assert_eq!(decide(&policy, &[("x-api-key", "k-ann")]), "ann");
    assert_eq!(decide(&policy, &[("x-api-key", "k-new")]), "new");
    assert_eq!(
        decide(&policy, &[("x-api-key", "k-old")]),
        "401 expired_key"
    );
    assert_eq!(
        decide(&policy, &[("x-api-key", "k-eve")]),
        "401 invalid_key"
    );
    assert_eq!(decide(&policy, &[]), "401 missing_key");
}

#[test]
fn the_first_source_that_has_a_key_decides() {
    let policy = policy(&format!(
        r#"{{{KEYS}, "sources": [{{"header": "x-key"}}, {{"query": "key"}}, {{"cookie": "key"}}]}}"#
    ));
    assert_eq!(decide(&policy, &[(":path", "/?key=k-bob")]), "bob");
    assert_eq!(decide(&policy, &[("cookie", "key=k-bob")]), "bob");
    let both = [("x-key", "wrong"), (":path", "/?key=k-bob")];
    assert_eq!(decide(&policy, &both), "401 invalid_key");
}

#[test]
fn a_consumer_passes_by_its_name_or_one_of_its_groups() {
    let by_group = policy(&format!(r#"{{{KEYS}, "allow_groups": ["admin"]}}"#));
    assert_eq!(decide(&by_group, &[("x-api-key", "k-ann")]), "ann");
    assert_eq!(
        decide(&by_group, &[("x-api-key", "k-bob")]),
        "403 forbidden"
    );
    let either = policy(&format!(
        r#"{{{KEYS}, "allow_groups": ["admin"], "allow_consumers": ["bob"]}}"#
    ));
    assert_eq!(decide(&either, &[("x-api-key", "k-ann")]), "ann");
    assert_eq!(decide(&either, &[("x-api-key", "k-bob")]), "bob");
    assert_eq!(decide(&either, &[("x-api-key", "k-new")]), "403 forbidden");
}

#[test]
fn only_a_request_without_key_is_anonymous() {
    let policy = policy(&format!(r#"{{{KEYS}, "anonymous": "guest"}}"#));
    assert_eq!(decide(&policy, &[]), "anonymous guest");
    assert_eq!(decide(&policy, &[("x-api-key", "")]), "anonymous guest");
    assert_eq!(
        decide(&policy, &[("x-api-key", "wrong")]),
        "401 invalid_key"
    );
}

#[test]
fn an_anonymous_consumer_that_is_not_listed_is_asked_for_a_key() {
    let policy = policy(&format!(
        r#"{{{KEYS}, "anonymous": "guest", "allow_consumers": ["ann"]}}"#
    ));
    assert_eq!(decide(&policy, &[]), "401 missing_key");
}

#[test]
fn the_first_rule_that_fits_replaces_what_it_names() {
    let policy = policy(&format!(
        r#"{{{KEYS}, "anonymous": "guest", "rules": [
            {{"match": {{"path": {{"exact": "/health"}}}}, "disabled": true}},
            {{"match": {{"path": {{"prefix": "/admin"}}}}, "allow_groups": ["admin"], "anonymous": null}},
            {{"match": {{"path": {{"prefix": "/"}}, "methods": ["POST"]}}, "sources": [{{"query": "k"}}]}}
        ]}}"#
    ));
    assert_eq!(decide(&policy, &[(":path", "/health")]), "exempt");
    assert_eq!(decide(&policy, &[(":path", "/other")]), "anonymous guest");
    assert_eq!(
        decide(&policy, &[(":path", "/x/../admin")]),
        "401 missing_key"
    );
    let bob = ("x-api-key", "k-bob");
    assert_eq!(
        decide(&policy, &[(":path", "/admin"), bob]),
        "403 forbidden"
    );
    let post = (":method", "POST");
    assert_eq!(
        decide(&policy, &[(":path", "/x"), post, bob]),
        "anonymous guest"
    );
    assert_eq!(decide(&policy, &[(":path", "/x?k=k-bob"), post]), "bob");
}

#[test]
fn a_rule_lets_everyone_in_again_by_null() {
    let policy = policy(&format!(
        r#"{{{KEYS}, "allow_consumers": ["ann"], "rules": [
            {{"match": {{"path": {{"prefix": "/open/"}}}}, "allow_consumers": null}}
        ]}}"#
    ));
    let bob = ("x-api-key", "k-bob");
    assert_eq!(decide(&policy, &[(":path", "/"), bob]), "403 forbidden");
    assert_eq!(decide(&policy, &[(":path", "/open/x"), bob]), "bob");
}
