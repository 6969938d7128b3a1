//! Tests of what is refused, and with which path.

use crate::policy::Policy;
use tollgate_filter_common::json::read;

fn fault(json: &str) -> String {
    read::<Policy>(json.as_bytes()).unwrap_err().to_string()
}

fn with_rule(fields: &str) -> String {
    fault(&format!(r#"{{"rules": [{{"name": "r", {fields}}}]}}"#))
}

fn with_top(fields: &str) -> String {
    let limit = r#""limit": {"requests": 1, "per": "1s"}"#;
    fault(&format!(
        r#"{{"rules": [{{"name": "r", "key": ["remote_ip"], {limit}}}], {fields}}}"#
    ))
}

fn with_limit(limit: &str) -> String {
    with_rule(&format!(r#""key": ["remote_ip"], "limit": {limit}"#))
}

#[test]
fn a_fault_of_a_rule_is_named_with_its_path() {
    let limit = r#""limit": {"requests": 5, "per": "1s"}"#;
    let with_key = |key: &str| with_rule(&format!(r#""key": {key}, {limit}"#));
    let also = |fields: &str| with_rule(&format!(r#""key": ["remote_ip"], {limit}, {fields}"#));
    let cases = [
        (fault("{}"), "rules: is missing"),
        (fault(r#"{"rules": []}"#), "rules: needs at least one rule"),
        (with_rule(limit), "rules[0].key: is missing"),
        (with_key("[]"), "rules[0].key: needs at least one part"),
        (
            with_key(r#"["ip"]"#),
            "rules[0].key[0]: only `consumer` and `remote_ip`",
        ),
        (
            with_key(r#"[{"claim": "sub"}]"#),
            "rules[0].key[0].claim: unknown field",
        ),
        (
            with_key(r#"[{"header": "a", "query": "b"}]"#),
            "rules[0].key[0]: takes exactly one",
        ),
        (
            with_key(r#"[{"remote_ip": {"v4_prefix": 33}}]"#),
            "rules[0].key[0].remote_ip.v4_prefix: must be at most 32",
        ),
        (
            with_key(r#"[{"path_param": "id"}]"#),
            "rules[0].key[0]: the template of the match",
        ),
        (
            also(r#""cost": 6"#),
            "rules[0].cost: must be 1 to the burst, 5",
        ),
        (also(r#""burst": 6"#), "rules[0].burst: unknown field"),
        (
            also(r#""on_missing_key": "allow""#),
            "rules[0].on_missing_key: expected `skip`",
        ),
        (
            also(r#""overrides": [{"key": "a/8", "limit": {"requests": 1, "per": "1s"}}]"#),
            "rules[0].overrides[0].key: `a/8` is not an address",
        ),
        (
            also(r#""overrides": [{"key": ["::1", "b"], "limit": {"requests": 1, "per": "1s"}}]"#),
            "rules[0].overrides[0].key: the key has 1 parts",
        ),
    ];
    for (fault, expected) in cases {
        assert!(
            fault.starts_with(expected),
            "{fault}\n  expected {expected}"
        );
    }
}

#[test]
fn a_fault_of_a_limit_is_named_with_its_path() {
    let cases = [
        (
            with_limit(r#"{"per": "1s"}"#),
            "rules[0].limit.requests: is missing",
        ),
        (
            with_limit(r#"{"requests": 0, "per": "1s"}"#),
            "rules[0].limit.requests: must be at least",
        ),
        (
            with_limit(r#"{"requests": 1, "per": 1}"#),
            "rules[0].limit.per: expected a string",
        ),
        (
            with_limit(r#"{"requests": 1, "per": "1 s"}"#),
            "rules[0].limit.per: `1 s` is not a",
        ),
        (
            with_limit(r#"{"requests": 1, "per": "1s", "burst": 0}"#),
            "rules[0].limit.burst: must be at least 1",
        ),
        (
            with_limit(r#"{"requests": 2000000, "per": "1s"}"#),
            "rules[0].limit.requests: must be at most one per microsecond",
        ),
        (
            with_limit(r#"{"requests": 1, "per": "367d"}"#),
            "rules[0].limit.per: a used burst",
        ),
    ];
    for (fault, expected) in cases {
        assert!(
            fault.starts_with(expected),
            "{fault}\n  expected {expected}"
        );
    }
}

#[test]
fn a_fault_of_the_whole_is_named_with_its_path() {
    let cases = [
        (
            with_top(r#""max_keys": 0"#),
            "max_keys: must be 1 to 1048576",
        ),
        (
            with_top(r#""headers": "draft04""#),
            "headers: expected `draft03`",
        ),
        (with_top(r#""status": 200"#), "status: must be 400 to 599"),
        (with_top(r#""grpc_status": 7"#), "grpc_status: must be 8"),
        (with_top(r#""body": "xml""#), "body: expected `text`"),
        (
            with_top(r#""message": "a\"b""#),
            "message: must not have quotes",
        ),
        (
            with_top(r#""exempt": [{"cidr": "10.0.0.1/8"}]"#),
            "exempt[0].cidr: `10.0.0.1/8` has bits",
        ),
        (
            with_top(r#""exempt": [{}]"#),
            "exempt[0]: takes exactly one field",
        ),
        (
            with_top(r#""limits": 1"#),
            "limits: unknown field, expected one of `rules`",
        ),
    ];
    for (fault, expected) in cases {
        assert!(
            fault.starts_with(expected),
            "{fault}\n  expected {expected}"
        );
    }
}

#[test]
fn names_are_plain_and_different() {
    let rule = |name: &str| {
        format!(
            r#"{{"name": "{name}", "key": ["consumer"], "limit": {{"requests": 1, "per": "1s"}}}}"#
        )
    };
    let two = fault(&format!(r#"{{"rules": [{}, {}]}}"#, rule("a"), rule("a")));
    assert_eq!(two, "rules[1]: another rule is named `a` too");
    let odd = fault(&format!(r#"{{"rules": [{}]}}"#, rule("a b")));
    assert!(
        odd.starts_with("rules[0].name: must be 1 to 64 letters"),
        "{odd}"
    );
}
