//! The body of a rejection.

use crate::json::{Fault, FromJson, Node};

/// The form in which a client that speaks plain HTTP is told why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// One line of `text/plain`.
    Text,
    /// `application/problem+json` (RFC 9457).
    #[default]
    ProblemJson,
}

impl FromJson for BodyKind {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        match node.text()? {
            "text" => Ok(Self::Text),
            "problem_json" => Ok(Self::ProblemJson),
            _ => Err(node.fault("expected `text` or `problem_json`")),
        }
    }
}

impl BodyKind {
    /// Returns the media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::ProblemJson => "application/problem+json",
        }
    }

    /// Writes the body. Title and detail have no characters that JSON escapes.
    pub fn render(self, status: u16, title: &str, detail: &str) -> String {
        match self {
            Self::Text => format!("{detail}\n"),
            Self::ProblemJson => format!(
                "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\"}}\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BodyKind;

    #[test]
    fn a_problem_is_json() {
        let body = BodyKind::ProblemJson.render(429, "Too Many Requests", "slow down");
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["title"], "Too Many Requests");
        assert_eq!(value["detail"], "slow down");
        assert_eq!(value["status"], 429);
    }

    #[test]
    fn text_is_one_line() {
        assert_eq!(
            BodyKind::Text.render(401, "Unauthorized", "no key"),
            "no key\n"
        );
    }
}
