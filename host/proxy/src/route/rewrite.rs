//! Rewrites of path and authority before a request goes upstream.

use regex::bytes::Regex;
use tollgate_config as config;

use super::path::split_query;
use crate::filter::HeaderTable;

/// A change of the path.
#[derive(Debug)]
pub(super) enum PathRewrite {
    /// Replaces the part that the route matched.
    Prefix(Box<[u8]>),
    /// Replaces every match in the path without its query.
    Regex {
        pattern: Regex,
        substitution: Vec<Piece>,
    },
}

/// A part of a replacement in RE2's notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

/// A change of the authority.
#[derive(Debug)]
pub(super) enum HostRewrite {
    Literal(String),
    Auto,
    Header(String),
}

impl PathRewrite {
    pub(super) fn new(rewrite: &config::PathRewrite) -> Self {
        match rewrite {
            config::PathRewrite::Prefix(prefix) => Self::Prefix(prefix.as_bytes().into()),
            config::PathRewrite::Regex {
                pattern,
                substitution,
            } => Self::Regex {
                pattern: pattern.clone(),
                substitution: pieces(substitution),
            },
        }
    }

    /// Returns a path with its query after the change; `matched` says how much of a path without
    /// query the route matched.
    pub(super) fn apply(&self, path: &[u8], matched: impl Fn(&[u8]) -> usize) -> Vec<u8> {
        let (path, query) = split_query(path);
        let mut rewritten = match self {
            Self::Prefix(prefix) => {
                let rest = path.get(matched(path)..).unwrap_or_default();
                [prefix, rest].concat()
            }
            Self::Regex {
                pattern,
                substitution,
            } => replace_all(pattern, substitution, path),
        };
        rewritten.extend_from_slice(query);
        rewritten
    }
}

/// Reads RE2's notation: `\0` to `\9` are groups, `\\` is a backslash.
fn pieces(substitution: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    let mut bytes = substitution.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        match escaped {
            Some(digit @ b'0'..=b'9') => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Group(usize::from(digit - b'0')));
            }
            Some(other) => text.push(other),
            None => text.push(byte),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

fn replace_all(pattern: &Regex, substitution: &[Piece], path: &[u8]) -> Vec<u8> {
    let replacement = |groups: &regex::bytes::Captures<'_>| {
        let mut replaced = Vec::new();
        for piece in substitution {
            match piece {
                Piece::Text(text) => replaced.extend_from_slice(text),
                Piece::Group(index) => {
                    let group = groups.get(*index).map(|group| group.as_bytes());
                    replaced.extend_from_slice(group.unwrap_or_default());
                }
            }
        }
        replaced
    };
    pattern.replace_all(path, replacement).into_owned()
}

impl HostRewrite {
    pub(super) fn new(rewrite: &config::HostRewrite) -> Self {
        match rewrite {
            config::HostRewrite::Literal(text) => Self::Literal(text.clone()),
            config::HostRewrite::Auto => Self::Auto,
            config::HostRewrite::Header(name) => Self::Header(name.clone()),
        }
    }

    /// Returns the new authority, as far as the request alone decides it.
    pub(super) fn authority(&self, headers: &HeaderTable) -> Option<Vec<u8>> {
        match self {
            Self::Literal(text) => Some(text.clone().into_bytes()),
            Self::Auto => None,
            Self::Header(name) => {
                let value = headers.get(name).filter(|value| !value.is_empty());
                value.map(<[u8]>::to_vec)
            }
        }
    }
}

/// Sets the authority, keeping the old one in `x-envoy-original-host` as Envoy does.
pub(super) fn set_authority(headers: &mut HeaderTable, authority: &[u8], keep_original: bool) {
    if keep_original && !headers.authority().is_empty() {
        let original = headers.authority().to_vec();
        headers.replace(b"x-envoy-original-host", &original);
    }
    headers.set_authority(authority);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex_rewrite(pattern: &str, substitution: &str) -> PathRewrite {
        PathRewrite::Regex {
            pattern: Regex::new(pattern).unwrap(),
            substitution: pieces(substitution),
        }
    }

    #[test]
    fn a_prefix_rewrite_keeps_the_rest_and_the_query() {
        let rewrite = PathRewrite::Prefix(b"/new".as_slice().into());
        assert_eq!(rewrite.apply(b"/old/x?y=1", |_| 4), b"/new/x?y=1");
    }

    #[test]
    fn a_regex_rewrite_fills_in_groups() {
        let rewrite = regex_rewrite("^/service/([^/]+)(/.*)$", r"\2/instance/\1");
        let path = rewrite.apply(b"/service/foo/v1/api?q=/service/", |_| 0);
        assert_eq!(path, b"/v1/api/instance/foo?q=/service/");
    }

    #[test]
    fn a_regex_rewrite_replaces_every_match_but_not_in_the_query() {
        let rewrite = regex_rewrite("one", "two");
        assert_eq!(
            rewrite.apply(b"/xx/one/yy/one?one", |_| 0),
            b"/xx/two/yy/two?one"
        );
    }

    #[test]
    fn dollars_are_plain_text_and_double_backslashes_one() {
        let rewrite = regex_rewrite("a", r"$0\\");
        assert_eq!(rewrite.apply(b"/a", |_| 0), br"/$0\");
    }
}
