//! Query: the parameters of a request to the admin interface.

use regex::Regex;

use super::reply::Reply;

/// Decoded parameters in their order.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn new(query: &str) -> Self {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the parameter `filter` as a pattern that is searched for.
    ///
    /// # Errors
    ///
    /// The answer to give when it is none.
    pub(super) fn filter(&self) -> Result<Option<Regex>, Reply> {
        let pattern = self.get("filter").filter(|pattern| !pattern.is_empty());
        let compiled = pattern.map(Regex::new).transpose();
        compiled.map_err(|error| {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or_default();
            Reply::text(400, format!("Invalid re2 regex: {last}"))
        })
    }
}

/// Decodes `%20`; a `+` stays, as in Envoy.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = (*first == b'%')
            .then(|| after.split_at_checked(2))
            .flatten();
        let byte = escape
            .and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, escape) {
            (Some(byte), Some((_, after))) => {
                bytes.push(byte);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::new("filter=a%2eb%&usedonly&x=1=2");
        assert_eq!(query.get("filter"), Some("a.b%"));
        assert!(query.has("usedonly"));
        assert_eq!(query.get("x"), Some("1=2"));
        assert_eq!(query.get("y"), None);
    }

    #[test]
    fn a_filter_that_is_no_pattern_is_refused() {
        let reply = Query::new("filter=(").filter().unwrap_err();
        assert_eq!(reply.status, 400);
        assert!(
            reply.body.starts_with("Invalid re2 regex: "),
            "{}",
            reply.body
        );
    }
}
