//! The body of a rejection.

use serde::Deserialize;

/// The form in which a client that speaks plain HTTP is told why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// One line of `text/plain`.
    Text,
    /// `application/problem+json` (RFC 9457).
    #[default]
    ProblemJson,
}

impl BodyKind {
    /// Returns the media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::ProblemJson => "application/problem+json",
        }
    }

    /// Writes the body.
    pub fn render(self, status: u16, title: &str, detail: &str) -> String {
        match self {
            Self::Text => format!("{detail}\n"),
            Self::ProblemJson => {
                let mut body = String::from(r#"{"type":"about:blank","title":"#);
                push_json_string(&mut body, title);
                body.push_str(&format!(r#","status":{status},"detail":"#));
                push_json_string(&mut body, detail);
                body.push_str("}\n");
                body
            }
        }
    }
}

fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::BodyKind;

    #[test]
    fn a_problem_is_valid_json_whatever_it_says() {
        let body = BodyKind::ProblemJson.render(429, "Too \"many\"", "a\\b\n\u{1}é");
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["title"], "Too \"many\"");
        assert_eq!(value["detail"], "a\\b\n\u{1}é");
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
