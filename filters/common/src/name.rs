//! Names that HTTP restricts to tokens.

use std::fmt;

use crate::json::{Fault, FromJson, Node};

/// The name of a header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// Takes a name that is known to be one, in lower case.
    #[must_use]
    pub fn from_static(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// Returns the name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromJson for HeaderName {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for HeaderName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_token(text.as_bytes()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("`{text}` is not a header name"))
        }
    }
}

/// A token of HTTP, case-sensitive: a method or the name of a cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Returns the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for Token {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Token {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_token(text.as_bytes()) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not a token"))
        }
    }
}

// RFC 9110, 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, Token};

    #[test]
    fn a_header_name_is_kept_in_lower_case() {
        let name = HeaderName::try_from("X-Api-Key".to_owned()).unwrap();
        assert_eq!(name.as_str(), "x-api-key");
    }

    #[test]
    fn a_token_has_no_spaces_colons_or_controls() {
        for text in ["", "a b", ":path", "a\n", "a\"", "é"] {
            assert!(Token::try_from(text.to_owned()).is_err(), "{text}");
            assert!(HeaderName::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
