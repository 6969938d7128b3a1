//! The configuration as the operator writes it, and its way to a checked [`Policy`].

use tollgate_filter_common::json::{Fault, FromJson, Node, Object};
use tollgate_filter_common::{BodyKind, HeaderName, Match, PathMatch, Period};

use crate::address::Cidr;
use crate::gcra::Limit;
use crate::headers::HeaderStyle;
use crate::key::{KeyPart, Pattern};
use crate::policy::{Cost, Exemption, OnMissingKey, Override, Policy, Reply, Rule};
use crate::slots::Table;

/// The largest table: 25 MB of shared data.
const MOST_KEYS: u32 = 1 << 20;

const FIELDS: [&str; 12] = [
    "rules",
    "exempt",
    "max_keys",
    "trusted_hops",
    "on_missing_key",
    "shadow",
    "headers",
    "retry_after",
    "status",
    "grpc_status",
    "body",
    "message",
];

const RULE_FIELDS: [&str; 8] = [
    "name",
    "match",
    "key",
    "limit",
    "cost",
    "overrides",
    "on_missing_key",
    "shadow",
];

impl FromJson for Policy {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&FIELDS)?;
        Ok(Self {
            rules: rules(&object)?,
            exempt: object.or("exempt", Vec::new())?,
            trusted_hops: object.or("trusted_hops", 0)?,
            table: Table::new(bounded(&object, "max_keys", 65_536, (1, MOST_KEYS))?),
            reply: reply(&object)?,
        })
    }
}

fn rules(object: &Object<'_>) -> Result<Vec<Rule>, Fault> {
    let mut rules: Vec<Rule> = Vec::new();
    let on_missing_key = object.or("on_missing_key", OnMissingKey::Skip)?;
    let shadow = object.or("shadow", false)?;
    let node = object.needed("rules")?;
    for element in node.elements()? {
        let rule = rule(&element.object(&RULE_FIELDS)?, on_missing_key, shadow)?;
        if rules.iter().any(|other| other.name == rule.name) {
            return Err(element.fault(&format!("another rule is named `{}` too", rule.name)));
        }
        rules.push(rule);
    }
    if rules.is_empty() {
        return Err(node.fault("needs at least one rule"));
    }
    Ok(rules)
}

fn rule(object: &Object<'_>, missing: OnMissingKey, shadow: bool) -> Result<Rule, Fault> {
    let matching: Match = object.or("match", Match::default())?;
    let key = key(object, &matching)?;
    let limit = limit(&object.needed("limit")?)?;
    Ok(Rule {
        name: name(&object.needed("name")?)?,
        matching,
        cost: cost(object, limit)?,
        overrides: overrides(object, &key)?,
        on_missing_key: object.or("on_missing_key", missing)?,
        shadow: object.or("shadow", shadow)?,
        key,
        limit,
    })
}

/// A name goes into metrics, details and structured fields as it is.
fn name(node: &Node<'_>) -> Result<String, Fault> {
    let text = node.text()?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_legal) {
        return Err(node.fault("must be 1 to 64 letters, digits, `_` or `-`"));
    }
    Ok(text.to_owned())
}

fn key(object: &Object<'_>, matching: &Match) -> Result<Vec<KeyPart>, Fault> {
    let node = object.needed("key")?;
    let parts = Vec::<KeyPart>::from_json(&node)?;
    if parts.is_empty() {
        let reason = "needs at least one part; {\"generic\": \"all\"} is one limit for all";
        return Err(node.fault(reason));
    }
    for (part, node) in parts.iter().zip(node.elements()?) {
        let KeyPart::PathParam(name) = part else {
            continue;
        };
        match &matching.path {
            Some(PathMatch::Template(template)) if template.has_parameter(name) => {}
            _ => return Err(node.fault(&format!("the template of the match has no `{{{name}}}`"))),
        }
    }
    Ok(parts)
}

fn limit(node: &Node<'_>) -> Result<Limit, Fault> {
    let object = node.object(&["requests", "per", "burst"])?;
    let requests: u32 = object.required("requests")?;
    let per: Period = object.required("per")?;
    let burst = object.or("burst", requests)?;
    let nanoseconds = u64::try_from(per.duration().as_nanos()).unwrap_or(u64::MAX);
    Limit::new(requests, nanoseconds, burst)
        .map_err(|(field, reason)| object.member(field).unwrap_or(*node).fault(reason))
}

fn cost(object: &Object<'_>, limit: Limit) -> Result<Cost, Fault> {
    let Some(node) = object.member("cost") else {
        return Ok(Cost::Fixed(1));
    };
    if node.is_object() {
        let name: HeaderName = node.object(&["header"])?.required("header")?;
        return Ok(Cost::Header(name));
    }
    let cost = u32::from_json(&node)?;
    if !(1..=limit.burst()).contains(&cost) {
        let burst = limit.burst();
        return Err(node.fault(&format!(
            "must be 1 to the burst, {burst}: more can never pass"
        )));
    }
    Ok(Cost::Fixed(cost))
}

fn overrides(object: &Object<'_>, key: &[KeyPart]) -> Result<Vec<Override>, Fault> {
    let mut overrides = Vec::new();
    let Some(node) = object.member("overrides") else {
        return Ok(overrides);
    };
    for element in node.elements()? {
        let object = element.object(&["key", "limit"])?;
        overrides.push(Override {
            patterns: patterns(&object.needed("key")?, key)?,
            limit: limit(&object.needed("limit")?)?,
        });
    }
    Ok(overrides)
}

/// A key of one part may be written without brackets.
fn patterns(node: &Node<'_>, key: &[KeyPart]) -> Result<Vec<Pattern>, Fault> {
    let nodes = if node.is_string() {
        vec![*node]
    } else {
        node.elements()?
    };
    if nodes.len() != key.len() {
        return Err(node.fault(&format!("the key has {} parts; `*` fits any", key.len())));
    }
    let mut patterns = Vec::with_capacity(nodes.len());
    for (node, part) in nodes.iter().zip(key) {
        patterns.push(Pattern::read(node, part)?);
    }
    Ok(patterns)
}

fn reply(object: &Object<'_>) -> Result<Reply, Fault> {
    let status = bounded(object, "status", 429, (400, 599))?;
    Ok(Reply {
        headers: object.or("headers", HeaderStyle::Draft03)?,
        retry_after: object.or("retry_after", true)?,
        status: u16::try_from(status).unwrap_or(429),
        grpc_unavailable: is_grpc_unavailable(object)?,
        body: object.or("body", BodyKind::ProblemJson)?,
        message: message(object)?,
    })
}

fn is_grpc_unavailable(object: &Object<'_>) -> Result<bool, Fault> {
    let Some(node) = object.member("grpc_status") else {
        return Ok(false);
    };
    match u32::from_json(&node)? {
        8 => Ok(false),
        14 => Ok(true),
        _ => Err(node.fault("must be 8 (RESOURCE_EXHAUSTED) or 14 (UNAVAILABLE)")),
    }
}

fn message(object: &Object<'_>) -> Result<String, Fault> {
    let Some(node) = object.member("message") else {
        return Ok("rate limit exceeded".to_owned());
    };
    let text = node.text()?;
    // It stands in JSON and in `grpc-message` as it is.
    if text
        .bytes()
        .any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f | 0x7f))
    {
        return Err(node.fault("must not have quotes, backslashes or control characters"));
    }
    Ok(text.to_owned())
}

fn bounded(
    object: &Object<'_>,
    name: &str,
    default: u32,
    (least, most): (u32, u32),
) -> Result<u32, Fault> {
    let Some(node) = object.member(name) else {
        return Ok(default);
    };
    let number = u32::from_json(&node)?;
    if !(least..=most).contains(&number) {
        return Err(node.fault(&format!("must be {least} to {most}")));
    }
    Ok(number)
}

impl FromJson for OnMissingKey {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.text()? {
            "skip" => Ok(Self::Skip),
            "reject" => Ok(Self::Reject),
            "fallback_ip" => Ok(Self::FallbackIp),
            _ => Err(node.fault("expected `skip`, `reject` or `fallback_ip`")),
        }
    }
}

impl FromJson for Exemption {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["cidr", "match"])?;
        match object.only()? {
            ("cidr", range) => Cidr::from_json(&range).map(Self::Range),
            (_, matching) => Match::from_json(&matching).map(Self::Match),
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
