//! Tests of [`Match`] over plain lists of headers.

use std::convert::Infallible;

use super::Match;
use crate::json::read;
use crate::{Request, RequestHead};

struct Headers(Vec<(&'static str, &'static str)>);

impl RequestHead for Headers {
    type Value = &'static str;
    type Error = Infallible;

    fn header(&self, name: &str) -> Result<Option<Self::Value>, Infallible> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        Ok(found.map(|(_, value)| *value))
    }

    fn cookies(&self) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }
}

fn fits(json: &str, headers: &[(&'static str, &'static str)]) -> bool {
    let rule: Match = read(json.as_bytes()).unwrap();
    let head = Headers(headers.to_vec());
    let Ok(fits) = rule.fits(&Request::new(&head));
    fits
}

fn fault(json: &str) -> String {
    read::<Match>(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn an_empty_match_fits_every_request() {
    assert!(fits("{}", &[]));
}

#[test]
fn a_host_is_compared_without_case_port_and_root_dot() {
    let rule = r#"{"host": "Api.Example.com"}"#;
    for host in [
        "api.example.com",
        "API.example.COM:8443",
        "api.example.com.",
    ] {
        assert!(fits(rule, &[(":authority", host)]), "{host}");
    }
    assert!(!fits(rule, &[(":authority", "api.example.com.evil.test")]));
    assert!(!fits(rule, &[]));
}

#[test]
fn a_host_suffix_needs_a_label_before_it() {
    let rule = r#"{"host": "*.example.com"}"#;
    assert!(fits(rule, &[(":authority", "a.example.com")]));
    assert!(fits(rule, &[(":authority", "a.b.example.com")]));
    assert!(!fits(rule, &[(":authority", "example.com")]));
    assert!(!fits(rule, &[(":authority", "badexample.com")]));
}

#[test]
fn a_path_rule_cannot_be_walked_around() {
    let rule = r#"{"path": {"prefix": "/admin"}}"#;
    for path in [
        "/admin",
        "/admin/x?y",
        "//admin",
        "/public/%2e./admin",
        "/%61dmin",
    ] {
        assert!(fits(rule, &[(":path", path)]), "{path}");
    }
    assert!(!fits(rule, &[(":path", "/public?/admin")]));
}

#[test]
fn an_exact_path_ignores_only_the_query() {
    let rule = r#"{"path": {"exact": "/health"}}"#;
    assert!(fits(rule, &[(":path", "/health?full")]));
    assert!(!fits(rule, &[(":path", "/health/")]));
}

#[test]
fn one_of_the_methods_has_to_be_the_requests() {
    let rule = r#"{"methods": ["GET", "HEAD"]}"#;
    assert!(fits(rule, &[(":method", "HEAD")]));
    assert!(!fits(rule, &[(":method", "POST")]));
    assert!(!fits(rule, &[(":method", "get")]));
}

#[test]
fn all_header_conditions_have_to_hold() {
    let rule = r#"{"headers": [
        {"name": "X-Tenant", "prefix": "AC", "ignore_case": true},
        {"name": "x-debug", "invert": true},
        {"name": "accept", "contains": "json"}
    ]}"#;
    let accept = ("accept", "application/json");
    assert!(fits(rule, &[("x-tenant", "acme"), accept]));
    assert!(!fits(
        rule,
        &[("x-tenant", "acme"), accept, ("x-debug", "1")]
    ));
    assert!(!fits(rule, &[("x-tenant", "bcme"), accept]));
    assert!(!fits(rule, &[("x-tenant", "acme")]));
}

#[test]
fn what_can_never_fit_is_refused() {
    assert!(fault(r#"{"host": "a.test:80"}"#).contains("without port"));
    assert!(fault(r#"{"host": "a*.test"}"#).contains("is not a host"));
    assert!(fault(r#"{"path": {"exact": "health"}}"#).contains("begin with `/`"));
    assert!(fault(r#"{"path": {"prefix": "/a/../b"}}"#).contains("normal form"));
    assert!(fault(r#"{"path": {"regex": ".*"}}"#).contains("path.regex: unknown field"));
    assert!(fault(r#"{"methods": ["GET POST"]}"#).contains("is not a token"));
    assert!(fault(r#"{"hosts": []}"#).contains("hosts: unknown field"));
    assert!(
        fault(r#"{"headers": [{"name": "a", "exact": "b", "prefix": "c"}]}"#).contains("one of")
    );
}
