//! The `www-authenticate` header of a 401 (RFC 9110, 11.6.1; RFC 6750, 3).

use crate::name::Name;
use crate::policy::Refusal;
use crate::source::Source;

/// How a client is told what to present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme_and_realm: String,
    is_bearer: bool,
}

impl Challenge {
    /// Names the scheme of the first source: what stands before the key in `authorization`, or
    /// `ApiKey` for all other places.
    pub(crate) fn new(sources: &[Source], realm: &Name) -> Self {
        let scheme = match sources.first() {
            Some(Source::Header { name, prefix })
                if name.as_str() == "authorization" && is_scheme(prefix.trim_ascii()) =>
            {
                prefix.trim_ascii()
            }
            _ => "ApiKey",
        };
        Self {
            scheme_and_realm: format!("{scheme} realm={}", quoted(realm.as_str())),
            is_bearer: scheme.eq_ignore_ascii_case("bearer"),
        }
    }

    /// Returns the header's value.
    pub(crate) fn value(&self, refusal: Refusal) -> String {
        match refusal {
            Refusal::InvalidKey | Refusal::ExpiredKey if self.is_bearer => {
                format!("{}, error=\"invalid_token\"", self.scheme_and_realm)
            }
            _ => self.scheme_and_realm.clone(),
        }
    }
}

/// A quoted string (RFC 9110, 5.6.4).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::Challenge;
    use crate::name::Name;
    use crate::policy::Refusal;
    use crate::source::Source;
    use tollgate_filter_common::json::read;

    fn value(source: &str, realm: &str, refusal: Refusal) -> String {
        let source: Source = read(source.as_bytes()).unwrap();
        let realm = Name::try_from(realm.to_owned()).unwrap();
        Challenge::new(&[source], &realm).value(refusal)
    }

    #[test]
    fn the_scheme_is_the_one_of_the_first_source() {
        let header = r#"{"header": "x-api-key"}"#;
        assert_eq!(
            value(header, "api", Refusal::InvalidKey),
            r#"ApiKey realm="api""#
        );
        let token = r#"{"header": "authorization", "prefix": "Token "}"#;
        assert_eq!(
            value(token, "api", Refusal::MissingKey),
            r#"Token realm="api""#
        );
    }

    #[test]
    fn a_bearer_challenge_says_that_the_token_is_invalid() {
        let bearer = r#"{"header": "authorization", "prefix": "Bearer "}"#;
        assert_eq!(
            value(bearer, "api", Refusal::MissingKey),
            r#"Bearer realm="api""#
        );
        assert_eq!(
            value(bearer, "api", Refusal::ExpiredKey),
            r#"Bearer realm="api", error="invalid_token""#
        );
    }

    #[test]
    fn a_realm_cannot_leave_its_quotes() {
        let header = r#"{"header": "x-api-key"}"#;
        assert_eq!(
            value(header, r#"a"b\"#, Refusal::MissingKey),
            r#"ApiKey realm="a\"b\\""#
        );
    }
}
