//! Tests of what is refused, and with which path.

use super::Config;
use tollgate_filter_common::json::read;

/// Returns `path: reason`, as the plugin's log has it.
fn fault(json: &str) -> String {
    let policy = read::<Config>(json.as_bytes()).and_then(Config::into_policy);
    policy.unwrap_err().to_string()
}

fn with_key(fields: &str) -> String {
    fault(&format!(
        r#"{{"keys": [{{"key": "k", "consumer": "ann", "groups": ["g"]}}], {fields}}}"#
    ))
}

#[test]
fn a_fault_is_named_with_its_path() {
    let cases = [
        (fault("{}"), "keys: is missing"),
        (fault(r#"{"keys": []}"#), "keys: needs at least one key"),
        (
            fault(r#"{"keys": [{"key": "k", "consumer": ""}]}"#),
            "keys[0].consumer: must be printable",
        ),
        (
            fault(r#"{"keys": [{"key": "k", "consumer": "a"}, {"key": "k", "consumer": "b"}]}"#),
            "keys[1]: is the key of keys[0]",
        ),
        (
            fault(r#"{"keys": [{"key": "k", "consumer": "a", "expires": "soon"}]}"#),
            "keys[0].expires: `soon` is not a time of RFC 3339",
        ),
        (
            with_key(r#""realms": "a""#),
            "realms: unknown field, expected one of `sources`",
        ),
        (
            with_key(r#""sources": []"#),
            "sources: needs at least one source",
        ),
        (
            with_key(r#""sources": [{}]"#),
            "sources[0]: takes one of `header`, `query` and `cookie`",
        ),
        (
            with_key(r#""consumer_header": "X-Api-Key""#),
            "consumer_header: must be neither a source nor `host`",
        ),
        (
            with_key(r#""consumer_header": "a b""#),
            "consumer_header: `a b` is not a header name",
        ),
        (
            with_key(r#""allow_consumers": ["bob"]"#),
            "allow_consumers[0]: no key belongs to",
        ),
        (
            with_key(r#""allow_consumers": []"#),
            "allow_consumers: an empty list lets nobody in",
        ),
        (
            with_key(r#""body": "html""#),
            "body: expected `text` or `problem_json`",
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
fn a_fault_of_a_rule_is_named_with_its_path() {
    let cases = [
        (with_key(r#""rules": [{}]"#), "rules[0].match: is missing"),
        (
            with_key(r#""rules": [{"match": {"path": {"exact": "a"}}}]"#),
            "rules[0].match.path.exact: must begin with `/`",
        ),
        (
            with_key(r#""rules": [{"match": {}}, {"match": {}, "allow_groups": ["h"]}]"#),
            "rules[1].allow_groups[0]: no key has a group `h`",
        ),
        (
            with_key(r#""rules": [{"match": {}, "disabled": true, "shadow": true}]"#),
            "rules[0].disabled: a disabled rule takes no other setting",
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
fn no_message_repeats_a_key() {
    for key in [
        r#"{"key": "hunter2", "sha256": "hunter2", "consumer": "a"}"#,
        r#"{"sha256": "hunter2", "consumer": "a"}"#,
    ] {
        let fault = fault(&format!(r#"{{"keys": [{key}]}}"#));
        assert!(
            fault.starts_with("keys[0]") && !fault.contains("hunter2"),
            "{fault}"
        );
    }
}
