//! The path a rule is compared with: as an upstream that normalizes it would see it.
//!
//! A rule for `/admin` has to hold for `/public/../admin`, `//admin` and `/%61dmin` as well, or
//! it can be walked around. An encoded slash (`%2F`) stays encoded: whether it separates segments
//! is a matter between the proxy and the upstream.

use std::borrow::Cow;

use crate::percent::escaped;

/// Returns the path of a request target in normal form, without its query and fragment.
///
/// Unreserved characters are decoded, other escapes written in upper case, dot segments resolved,
/// repeated slashes merged and backslashes taken for slashes. `*` stays `*`.
pub fn normalize(target: &[u8]) -> Cow<'_, [u8]> {
    let path = without_query(target);
    if !path.starts_with(b"/") || is_normal(path) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(resolve_segments(&decode_unreserved(path)))
}

/// Splits a request target into path and query; the fragment is dropped.
pub(crate) fn without_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
    end.and_then(|end| target.get(..end)).unwrap_or(target)
}

fn is_normal(path: &[u8]) -> bool {
    let mut previous = 0;
    for byte in path {
        if matches!(byte, b'%' | b'\\') || (previous == b'/' && matches!(byte, b'/' | b'.')) {
            return false;
        }
        previous = *byte;
    }
    true
}

fn decode_unreserved(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, escaped(tail)) {
            (b'%', Some((byte, after))) => {
                rest = after;
                push_escaped(&mut decoded, byte);
            }
            (b'\\', _) => decoded.push(b'/'),
            (other, _) => decoded.push(*other),
        }
    }
    decoded
}

fn push_escaped(decoded: &mut Vec<u8>, byte: u8) {
    let digit = |value: u8| match value {
        0..=9 => b'0' + value,
        _ => b'A' + value - 10,
    };
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        decoded.push(byte);
    } else {
        decoded.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

fn resolve_segments(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_in_slash = false;
    for segment in path.split(|byte| *byte == b'/') {
        ends_in_slash = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut resolved = Vec::with_capacity(path.len());
    for segment in &segments {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    if ends_in_slash {
        resolved.push(b'/');
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::normalize;

    fn normal(target: &str) -> String {
        String::from_utf8(normalize(target.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn detours_to_a_path_are_the_path() {
        for target in [
            "/admin",
            "//admin",
            "/./admin",
            "/public/../admin",
            "/public/%2e%2E/admin",
            "/%61dmin",
            "/\\admin",
            "/../../admin",
            "/admin?x=/y",
            "/admin#x",
        ] {
            assert_eq!(normal(target), "/admin", "{target}");
        }
    }

    #[test]
    fn a_slash_at_the_end_stays() {
        assert_eq!(normal("/a/"), "/a/");
        assert_eq!(normal("/a/b/.."), "/a/");
        assert_eq!(normal("/"), "/");
        assert_eq!(normal("/.."), "/");
    }

    #[test]
    fn reserved_characters_stay_escaped_in_upper_case() {
        assert_eq!(normal("/a%2fb%c3%a9"), "/a%2Fb%C3%A9");
        assert_eq!(normal("/100%"), "/100%");
    }

    #[test]
    fn hidden_files_are_no_dot_segments() {
        assert_eq!(normal("/.well-known/x"), "/.well-known/x");
        assert_eq!(normal("/..."), "/...");
    }

    #[test]
    fn what_is_not_a_path_stays() {
        assert_eq!(normal("*"), "*");
        assert_eq!(normal(""), "");
    }
}
