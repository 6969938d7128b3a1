//! The header fields that tell a client how much of its limits is left.

use tollgate_filter_common::json::{Fault, FromJson, Node};

use crate::gcra::Verdict;

/// How the fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderStyle {
    /// `RateLimit-Limit`, `-Remaining` and `-Reset` of draft-ietf-httpapi-ratelimit-headers-03
    /// to -07.
    Draft03,
    /// The same as `X-RateLimit-*`, as Envoy's own limiter writes them.
    XRateLimit,
    /// `RateLimit-Policy` and `RateLimit` of the draft from -08 on.
    Draft08,
    /// Nothing.
    None,
}

impl FromJson for HeaderStyle {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.text()? {
            "draft03" => Ok(Self::Draft03),
            "draft08" => Ok(Self::Draft08),
            "x_ratelimit" => Ok(Self::XRateLimit),
            "none" => Ok(Self::None),
            _ => Err(node.fault("expected `draft03`, `draft08`, `x_ratelimit` or `none`")),
        }
    }
}

/// A header field.
pub(crate) type Field = (&'static str, String);

impl HeaderStyle {
    /// Writes the fields for the rules that counted a request, named.
    pub(crate) fn fields(self, counted: &[(&str, Verdict)]) -> Vec<Field> {
        match self {
            Self::Draft03 => triple(
                counted,
                ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
            ),
            Self::XRateLimit => triple(
                counted,
                [
                    "x-ratelimit-limit",
                    "x-ratelimit-remaining",
                    "x-ratelimit-reset",
                ],
            ),
            Self::Draft08 => lists(counted),
            Self::None => Vec::new(),
        }
    }
}

/// Three fields have room for one rule: the one that refuses, or of which the least is left.
fn triple(counted: &[(&str, Verdict)], names: [&'static str; 3]) -> Vec<Field> {
    let tightness = |(_, verdict): &&(&str, Verdict)| (verdict.is_allowed(), verdict.remaining());
    let Some((_, verdict)) = counted.iter().min_by_key(tightness) else {
        return Vec::new();
    };
    let burst = verdict.limit().burst();
    let window = verdict.limit().window_seconds();
    let [limit, remaining, reset] = names;
    vec![
        (limit, format!("{burst}, {burst};w={window}")),
        (remaining, verdict.remaining().to_string()),
        (reset, verdict.reset_seconds().to_string()),
    ]
}

/// Lists of structured fields (RFC 9651) have room for all rules. Names need no escape.
fn lists(counted: &[(&str, Verdict)]) -> Vec<Field> {
    if counted.is_empty() {
        return Vec::new();
    }
    let (mut policies, mut states) = (String::new(), String::new());
    for (name, verdict) in counted {
        if !policies.is_empty() {
            policies.push_str(", ");
            states.push_str(", ");
        }
        let (burst, window) = (verdict.limit().burst(), verdict.limit().window_seconds());
        policies.push_str(&format!("\"{name}\";q={burst};w={window}"));
        let (remaining, reset) = (verdict.remaining(), verdict.reset_seconds());
        states.push_str(&format!("\"{name}\";r={remaining};t={reset}"));
    }
    vec![("ratelimit-policy", policies), ("ratelimit", states)]
}

#[cfg(test)]
mod tests {
    use super::HeaderStyle;
    use crate::gcra::{Limit, Verdict};

    const SECOND: u64 = 1_000_000_000;

    fn verdict(requests: u32, seconds: u64, used: u32) -> Verdict {
        let limit = Limit::new(requests, seconds * SECOND, requests).unwrap();
        let before = limit.take(0, SECOND, used);
        if used < requests {
            before
        } else {
            limit.take(before.tat(), SECOND, 1)
        }
    }

    fn text(style: HeaderStyle, counted: &[(&str, Verdict)]) -> Vec<String> {
        let fields = style.fields(counted);
        fields
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn three_fields_tell_of_the_rule_of_which_the_least_is_left() {
        let counted = [("a", verdict(100, 60, 1)), ("b", verdict(10, 60, 4))];
        assert_eq!(
            text(HeaderStyle::Draft03, &counted),
            [
                "ratelimit-limit: 10, 10;w=60",
                "ratelimit-remaining: 6",
                "ratelimit-reset: 24"
            ]
        );
        assert_eq!(
            text(HeaderStyle::XRateLimit, &counted)[1],
            "x-ratelimit-remaining: 6"
        );
    }

    #[test]
    fn a_rule_that_refuses_is_the_one_told_of() {
        let counted = [("a", verdict(100, 60, 100)), ("b", verdict(10, 60, 9))];
        assert_eq!(
            text(HeaderStyle::Draft03, &counted),
            [
                "ratelimit-limit: 100, 100;w=60",
                "ratelimit-remaining: 0",
                "ratelimit-reset: 60"
            ]
        );
    }

    #[test]
    fn structured_fields_tell_of_all_rules() {
        let counted = [("a", verdict(100, 60, 1)), ("b", verdict(10, 60, 4))];
        assert_eq!(
            text(HeaderStyle::Draft08, &counted),
            [
                "ratelimit-policy: \"a\";q=100;w=60, \"b\";q=10;w=60",
                "ratelimit: \"a\";r=99;t=1, \"b\";r=6;t=24"
            ]
        );
    }

    #[test]
    fn a_request_that_no_rule_counted_is_told_nothing() {
        for style in [
            HeaderStyle::Draft03,
            HeaderStyle::Draft08,
            HeaderStyle::None,
        ] {
            assert!(style.fields(&[]).is_empty());
        }
        assert!(
            HeaderStyle::None
                .fields(&[("a", verdict(1, 1, 0))])
                .is_empty()
        );
    }
}
