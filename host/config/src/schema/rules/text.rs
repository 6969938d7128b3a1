//! Rules about strings.

use prost_reflect::{DynamicMessage, Value};
use regex::Regex;

use super::limits;

/// Returns what a string breaks.
pub(super) fn check(rules: &DynamicMessage, text: &str) -> Option<String> {
    let characters = text.chars().count();
    limits::length(rules, ["min_len", "max_len"], characters, "characters")
        .or_else(|| limits::length(rules, ["min_bytes", "max_bytes"], text.len(), "bytes"))
        .or_else(|| affix(rules, text))
        .or_else(|| pattern(rules, text))
        .or_else(|| header(rules, text))
        .or_else(|| limits::membership(rules, &Value::String(text.to_owned())))
}

fn affix(rules: &DynamicMessage, text: &str) -> Option<String> {
    let part = |name| string(rules, name);
    if let Some(prefix) = part("prefix").filter(|prefix| !text.starts_with(prefix)) {
        return Some(format!("value does not have prefix \"{prefix}\""));
    }
    let suffix = part("suffix").filter(|suffix| !text.ends_with(suffix))?;
    Some(format!("value does not have suffix \"{suffix}\""))
}

fn pattern(rules: &DynamicMessage, text: &str) -> Option<String> {
    let pattern = string(rules, "pattern")?;
    let matches = Regex::new(&pattern).ok()?.is_match(text);
    (!matches).then(|| format!("value does not match regex pattern \"{pattern}\""))
}

/// `HTTP_HEADER_NAME` and `HTTP_HEADER_VALUE`, strict or not.
fn header(rules: &DynamicMessage, text: &str) -> Option<String> {
    let rule = rules
        .get_field_by_name("well_known_regex")?
        .as_enum_number()?;
    let strict = limits::flag(rules, "strict");
    let allowed: fn(char) -> bool = match (rule, strict) {
        (1, true) => |c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_|~`:".contains(c),
        (2, true) => |c| c == '\t' || !c.is_control() || c > '\u{7f}',
        (1 | 2, false) => |c| !matches!(c, '\0' | '\n' | '\r'),
        _ => return None,
    };
    let found = text.chars().find(|character| !allowed(*character))?;
    let what = if rule == 1 { "name" } else { "value" };
    Some(format!("{found:?} is not allowed in a header {what}"))
}

fn string(rules: &DynamicMessage, name: &str) -> Option<String> {
    if !rules.has_field_by_name(name) {
        return None;
    }
    rules.get_field_by_name(name)?.as_str().map(str::to_owned)
}
