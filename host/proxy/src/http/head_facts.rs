//! `HeadFacts`: which of the headers that the proxy itself acts on a message has. Pure.

use http::HeaderMap;

/// What one pass over the names of a head finds. Most messages have none of these headers, and a
/// pass costs less than two lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeadFacts {
    /// Something that belongs to one connection: see [`is_hop_by_hop`].
    pub(super) hop_by_hop: bool,
    /// `upgrade`.
    pub(super) upgrade: bool,
    /// `content-length` or `transfer-encoding`.
    pub(super) framed: bool,
    /// `expect`.
    pub(super) expect: bool,
    /// A name that begins with `x-envoy-`.
    pub(super) internal: bool,
    /// `x-forwarded-for`.
    pub(super) forwarded_for: bool,
    /// `x-forwarded-proto`.
    pub(super) forwarded_proto: bool,
    /// `x-request-id`.
    pub(super) request_id: bool,
    /// `host` more than once.
    pub(super) several_hosts: bool,
}

impl HeadFacts {
    /// Looks at every name of a request's head.
    pub(super) fn of(fields: &HeaderMap) -> Self {
        let mut facts = Self::default();
        let mut hosts = 0;
        for (name, _) in fields {
            let name = name.as_str();
            match name {
                "host" => hosts += 1,
                "content-length" => facts.framed = true,
                "expect" => facts.expect = true,
                "x-forwarded-for" => facts.forwarded_for = true,
                "x-forwarded-proto" => facts.forwarded_proto = true,
                "x-request-id" => facts.request_id = true,
                _ if is_hop_by_hop(name) => {
                    facts.hop_by_hop = true;
                    facts.upgrade |= name == "upgrade";
                    facts.framed |= name == "transfer-encoding";
                }
                _ => facts.internal |= name.starts_with("x-envoy-"),
            }
        }
        facts.several_hosts = hosts > 1;
        facts
    }
}

/// Returns whether a header belongs to one connection. `te` counts, although it may stay.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{HeaderName, HeaderValue};

    use super::HeadFacts;

    fn facts(names: &[&'static str]) -> HeadFacts {
        let mut fields = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_static(name);
            fields.append(name, HeaderValue::from_static("a"));
        }
        HeadFacts::of(&fields)
    }

    #[test]
    fn ordinary_headers_are_no_facts() {
        let found = facts(&["host", "accept", "x-envoyage"]);
        assert_eq!(found, HeadFacts::default());
    }

    #[test]
    fn each_header_that_counts_is_found() {
        assert!(facts(&["te"]).hop_by_hop);
        assert!(facts(&["upgrade"]).upgrade && facts(&["upgrade"]).hop_by_hop);
        assert!(facts(&["content-length"]).framed && facts(&["transfer-encoding"]).framed);
        assert!(facts(&["expect"]).expect);
        assert!(facts(&["x-envoy-retry-on"]).internal);
        assert!(facts(&["x-forwarded-for"]).forwarded_for);
        assert!(facts(&["x-forwarded-proto"]).forwarded_proto);
        assert!(facts(&["x-request-id"]).request_id);
    }

    #[test]
    fn one_host_is_not_several() {
        assert!(!facts(&["host"]).several_hosts);
        assert!(facts(&["host", "host"]).several_hosts);
    }
}
