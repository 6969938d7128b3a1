//! Names of consumers, groups and realms: text that can stand in a header.

use tollgate_filter_common::json::{Fault, FromJson, Node};

/// Printable ASCII without spaces at its ends, up to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn from_static(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for Name {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        node.checked()
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || text.len() > 256 || !is_printable || text.trim_ascii() != text {
            return Err(
                "must be printable ASCII, 1 to 256 characters, no spaces at the ends".into(),
            );
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_name_can_stand_in_a_header() {
        assert!(Name::try_from("Team Blue (eu)".to_owned()).is_ok());
        for text in ["", " a", "a\r\nb", "é", &"x".repeat(257)] {
            assert!(Name::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
