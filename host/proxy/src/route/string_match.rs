//! String matching: `envoy.type.matcher.v3.StringMatcher` over bytes.

use regex::bytes::Regex;
use tollgate_config::StringMatcher;

/// Returns whether a matcher accepts a value. Patterns are those of [`compiled`].
pub(super) fn string_matches(matcher: &StringMatcher, value: &[u8]) -> bool {
    match matcher {
        StringMatcher::Exact { text, ignore_case } => {
            value.len() == text.len() && same(value, text, *ignore_case)
        }
        StringMatcher::Prefix { text, ignore_case } => value
            .get(..text.len())
            .is_some_and(|start| same(start, text, *ignore_case)),
        StringMatcher::Suffix { text, ignore_case } => value
            .len()
            .checked_sub(text.len())
            .and_then(|start| value.get(start..))
            .is_some_and(|end| same(end, text, *ignore_case)),
        StringMatcher::Contains { text, ignore_case } => {
            text.is_empty()
                || value
                    .windows(text.len())
                    .any(|part| same(part, text, *ignore_case))
        }
        StringMatcher::SafeRegex(regex) => regex.is_match(value),
    }
}

/// Returns a matcher whose pattern accepts whole values only, as RE2's `FullMatch` does.
pub(super) fn compiled(matcher: &StringMatcher) -> StringMatcher {
    match matcher {
        StringMatcher::SafeRegex(regex) => StringMatcher::SafeRegex(full_match(regex)),
        StringMatcher::Exact { .. }
        | StringMatcher::Prefix { .. }
        | StringMatcher::Suffix { .. }
        | StringMatcher::Contains { .. } => matcher.clone(),
    }
}

/// Returns a pattern that accepts whole values only.
pub(super) fn full_match(regex: &Regex) -> Regex {
    // A pattern that compiles alone compiles in a group too, unless its length reaches a limit.
    Regex::new(&format!(r"\A(?:{})\z", regex.as_str())).unwrap_or_else(|_| regex.clone())
}

fn same(value: &[u8], text: &str, ignore_case: bool) -> bool {
    if ignore_case {
        value.eq_ignore_ascii_case(text.as_bytes())
    } else {
        value == text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str, ignore_case: bool) -> StringMatcher {
        let text = text.to_owned();
        StringMatcher::Exact { text, ignore_case }
    }

    #[test]
    fn an_exact_text_equals() {
        assert!(string_matches(&exact("abc", false), b"abc"));
        assert!(!string_matches(&exact("abc", false), b"ABC"));
        assert!(!string_matches(&exact("abc", false), b"abcd"));
        assert!(string_matches(&exact("abc", true), b"aBC"));
    }

    #[test]
    fn a_prefix_longer_than_the_value_does_not_match() {
        let text = "abc".to_owned();
        let matcher = StringMatcher::Prefix {
            text,
            ignore_case: false,
        };
        assert!(!string_matches(&matcher, b"ab"));
        assert!(string_matches(&matcher, b"abcd"));
    }

    #[test]
    fn a_suffix_and_a_part_are_found() {
        let text = "bc".to_owned();
        let suffix = StringMatcher::Suffix {
            text: text.clone(),
            ignore_case: true,
        };
        assert!(string_matches(&suffix, b"aBC"));
        assert!(!string_matches(&suffix, b"bca"));
        let contains = StringMatcher::Contains {
            text,
            ignore_case: false,
        };
        assert!(string_matches(&contains, b"abcd"));
        assert!(!string_matches(&contains, b"acbd"));
    }

    #[test]
    fn a_pattern_accepts_only_whole_values_even_if_it_prefers_less() {
        let regex = Regex::new("a|ab").unwrap();
        let matcher = compiled(&StringMatcher::SafeRegex(regex));
        assert!(string_matches(&matcher, b"ab"));
        assert!(!string_matches(&matcher, b"abc"));
    }
}
