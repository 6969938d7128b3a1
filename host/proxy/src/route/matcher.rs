//! `RouteMatcher`: the conditions of a route on path, headers and query.

use std::borrow::Cow;

use regex::bytes::Regex;
use tollgate_config::{HeaderMatcher, PathMatch, QueryParameterMatcher, RouteMatch, StringMatcher};

use super::path::{query_parameters, without_query};
use super::string_match::{compiled, full_match, string_matches};
use crate::filter::HeaderTable;

/// The conditions of one route, all of which must hold.
#[derive(Debug)]
pub(super) struct RouteMatcher {
    path: PathMatcher,
    headers: Vec<HeaderMatcher>,
    query_parameters: Vec<QueryParameterMatcher>,
    grpc: bool,
}

#[derive(Debug)]
enum PathMatcher {
    Prefix { text: String, ignore_case: bool },
    Path { text: String, ignore_case: bool },
    SeparatedPrefix { text: String, ignore_case: bool },
    Regex(Regex),
}

impl RouteMatcher {
    pub(super) fn new(matches: &RouteMatch) -> Self {
        let headers = matches.headers.iter().map(|matcher| HeaderMatcher {
            value: matcher.value.as_ref().map(compiled),
            ..matcher.clone()
        });
        let parameters = matches.query_parameters.iter();
        let query_parameters = parameters.map(|matcher| QueryParameterMatcher {
            name: matcher.name.clone(),
            value: matcher.value.as_ref().map(compiled),
        });
        Self {
            path: PathMatcher::new(&matches.path, !matches.case_sensitive),
            headers: headers.collect(),
            query_parameters: query_parameters.collect(),
            grpc: matches.grpc,
        }
    }

    /// Returns whether the route is for this request.
    pub(super) fn accepts(&self, headers: &HeaderTable) -> bool {
        let path = headers.path();
        !path.is_empty()
            && self.path.accepts(without_query(path))
            && (!self.grpc || is_grpc_request(headers))
            && self
                .headers
                .iter()
                .all(|matcher| header_matches(matcher, headers))
            && self
                .query_parameters
                .iter()
                .all(|matcher| parameter_matches(matcher, path))
    }

    /// Returns the length of the part of a path without query that a prefix rewrite replaces.
    pub(super) fn matched_len(&self, path: &[u8]) -> usize {
        match &self.path {
            PathMatcher::Prefix { text, .. } | PathMatcher::SeparatedPrefix { text, .. } => {
                text.len().min(path.len())
            }
            PathMatcher::Path { .. } | PathMatcher::Regex(_) => path.len(),
        }
    }
}

impl PathMatcher {
    fn new(path: &PathMatch, ignore_case: bool) -> Self {
        match path {
            PathMatch::Prefix(text) => Self::Prefix {
                text: text.clone(),
                ignore_case,
            },
            PathMatch::Path(text) => Self::Path {
                text: text.clone(),
                ignore_case,
            },
            PathMatch::PathSeparatedPrefix(text) => Self::SeparatedPrefix {
                text: text.clone(),
                ignore_case,
            },
            PathMatch::SafeRegex(regex) => Self::Regex(full_match(regex)),
        }
    }

    fn accepts(&self, path: &[u8]) -> bool {
        match self {
            Self::Prefix { text, ignore_case } => starts_with(path, text, *ignore_case),
            Self::Path { text, ignore_case } => {
                path.len() == text.len() && starts_with(path, text, *ignore_case)
            }
            Self::SeparatedPrefix { text, ignore_case } => {
                starts_with(path, text, *ignore_case)
                    && matches!(path.get(text.len()), None | Some(b'/'))
            }
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

fn starts_with(path: &[u8], text: &str, ignore_case: bool) -> bool {
    let start = path.get(..text.len());
    start.is_some_and(|start| {
        if ignore_case {
            start.eq_ignore_ascii_case(text.as_bytes())
        } else {
            start == text.as_bytes()
        }
    })
}

/// Returns whether a request is gRPC: by its content type, as Envoy decides it.
#[must_use]
pub(crate) fn is_grpc_request(headers: &HeaderTable) -> bool {
    headers
        .named(&http::header::CONTENT_TYPE)
        .and_then(|value| value.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

fn header_matches(matcher: &HeaderMatcher, headers: &HeaderTable) -> bool {
    let value = header_value(headers, &matcher.name);
    let Some(condition) = &matcher.value else {
        return (value.is_some() == matcher.present) != matcher.invert;
    };
    let value = match value {
        Some(value) => value,
        None if matcher.treat_missing_as_empty => Cow::Borrowed(b"".as_slice()),
        // A missing header matches no value, turned round or not.
        None => return false,
    };
    string_matches(condition, &value) != matcher.invert
}

/// Returns the values of a header joined by commas; the usual single one is not copied.
fn header_value<'a>(headers: &'a HeaderTable, name: &str) -> Option<Cow<'a, [u8]>> {
    let mut count = 0;
    headers.get_all(name, &mut |_| count += 1);
    match count {
        0 => None,
        1 => headers.get(name).map(Cow::Borrowed),
        _ => headers.get_joined(name).map(Cow::Owned),
    }
}

fn parameter_matches(matcher: &QueryParameterMatcher, path: &[u8]) -> bool {
    let mut parameters = query_parameters(path);
    let found = parameters.find(|(name, _)| *name == matcher.name.as_bytes());
    let Some((_, value)) = found else {
        return false;
    };
    matcher
        .value
        .as_ref()
        .is_none_or(|condition: &StringMatcher| string_matches(condition, value))
}
