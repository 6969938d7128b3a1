//! Matchers: texts, regular expressions, headers and query parameters.

use regex::bytes::Regex;

use super::re2;
use crate::view::View;
use crate::{HeaderMatcher, QueryParameterMatcher, StringMatcher};

/// Reads a `RegexMatcher` that must match the whole subject, as RE2's full match does.
pub(super) fn full_regex(view: &View<'_>) -> Option<Regex> {
    compile(view, |pattern| format!("^(?:{pattern})$"))
}

/// Reads a `RegexMatcher` that may match anywhere.
pub(super) fn partial_regex(view: &View<'_>) -> Option<Regex> {
    compile(view, |pattern| pattern.to_owned())
}

fn compile(view: &View<'_>, anchor: impl Fn(&str) -> String) -> Option<Regex> {
    let pattern = view.text("regex");
    // Compiled alone first: a stray parenthesis could fit into the anchors.
    let regex = re2::translate(pattern).and_then(|translated| {
        Regex::new(&translated)
            .and_then(|_| Regex::new(&anchor(&translated)))
            .map_err(last_line)
    });
    match regex {
        Ok(regex) => Some(regex),
        Err(reason) => {
            view.error(
                "regex",
                format!("`{pattern}` is not a regular expression: {reason}"),
            );
            None
        }
    }
}

/// The lines before the last draw the pattern.
fn last_line(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Reads a `StringMatcher`.
pub(super) fn string(view: &View<'_>) -> Option<StringMatcher> {
    let ignore_case = view.bool("ignore_case");
    let pattern = view.oneof("match_pattern")?;
    let text = view.text(&pattern);
    let text = if ignore_case {
        text.to_lowercase()
    } else {
        text.to_owned()
    };
    match pattern.as_str() {
        "exact" => Some(StringMatcher::Exact { text, ignore_case }),
        "prefix" => Some(StringMatcher::Prefix { text, ignore_case }),
        "suffix" => Some(StringMatcher::Suffix { text, ignore_case }),
        "contains" => Some(StringMatcher::Contains { text, ignore_case }),
        "safe_regex" => {
            if ignore_case {
                view.error("ignore_case", "ignore_case has no effect for safe_regex");
            }
            full_regex(&view.child("safe_regex")?).map(StringMatcher::SafeRegex)
        }
        _ => None,
    }
}

/// Reads a `HeaderMatcher`, in its old spellings as well.
pub(super) fn header(view: &View<'_>) -> Option<HeaderMatcher> {
    let specifier = view.oneof("header_match_specifier");
    let text = |field| view.text(field).to_owned();
    let ignore_case = false;
    let (value, present) = match specifier.as_deref() {
        None => (None, true),
        Some("present_match") => (None, view.bool("present_match")),
        Some("string_match") => (Some(string(&view.child("string_match")?)?), true),
        Some(field @ "exact_match") => (
            Some(StringMatcher::Exact {
                text: text(field),
                ignore_case,
            }),
            true,
        ),
        Some(field @ "prefix_match") => (
            Some(StringMatcher::Prefix {
                text: text(field),
                ignore_case,
            }),
            true,
        ),
        Some(field @ "suffix_match") => (
            Some(StringMatcher::Suffix {
                text: text(field),
                ignore_case,
            }),
            true,
        ),
        Some(field @ "contains_match") => (
            Some(StringMatcher::Contains {
                text: text(field),
                ignore_case,
            }),
            true,
        ),
        Some("safe_regex_match") => {
            let regex = full_regex(&view.child("safe_regex_match")?)?;
            (Some(StringMatcher::SafeRegex(regex)), true)
        }
        Some(_) => return None,
    };
    Some(HeaderMatcher {
        name: view.text("name").to_lowercase(),
        value,
        present,
        invert: view.bool("invert_match"),
        treat_missing_as_empty: view.bool("treat_missing_header_as_empty"),
    })
}

/// Reads a `QueryParameterMatcher`.
pub(super) fn query_parameter(view: &View<'_>) -> Option<QueryParameterMatcher> {
    let value = match view.oneof("query_parameter_match_specifier").as_deref() {
        Some("string_match") => Some(string(&view.child("string_match")?)?),
        Some("present_match") if !view.bool("present_match") => {
            view.unsupported("present_match", "matching the absence of a query parameter");
            return None;
        }
        _ => None,
    };
    Some(QueryParameterMatcher {
        name: view.text("name").to_owned(),
        value,
    })
}
