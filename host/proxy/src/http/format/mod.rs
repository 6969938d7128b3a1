//! Envoy's `%COMMAND%` operators, compiled once and written for each stream.

mod operator;
mod syntax;
#[cfg(test)]
mod tests;
mod time;
mod value;

use crate::filter::StreamState;

use operator::Operator;
use syntax::Piece;

/// Envoy's default access log line.
pub(crate) const DEFAULT_FORMAT: &str = concat!(
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" ",
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n",
);

/// A text with operators.
#[derive(Debug)]
pub(crate) struct Formatter {
    parts: Vec<Part>,
    /// What is written for a value that does not exist.
    missing: &'static [u8],
}

#[derive(Debug)]
enum Part {
    Text(String),
    Operator(Operator),
}

/// A text that is not a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// A `%` that begins no operator.
    #[error("`%` at offset {0} begins no operator (a percent sign is written `%%`)")]
    Stray(usize),
    /// An operator that does not exist.
    #[error("unknown operator `%{0}%`")]
    Unknown(String),
    /// An operator used in a way it does not allow.
    #[error("operator `%{name}%`: {reason}")]
    Misused {
        /// Operator.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Returns a point in time as `%START_TIME%` writes it.
#[must_use]
pub(crate) fn iso_time(time: std::time::SystemTime) -> String {
    let mut out = Vec::new();
    time::TimeFormat::iso().write(time, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl Formatter {
    /// Reads a format in which missing values are written `-`, as in access logs.
    ///
    /// # Errors
    ///
    /// When an operator does not exist or is written wrongly.
    pub(crate) fn parse(text: &str) -> Result<Self, FormatError> {
        Self::with_missing(text, b"-")
    }

    /// Reads a format in which missing values are left out, as in headers.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(crate) fn parse_omitting_empty(text: &str) -> Result<Self, FormatError> {
        Self::with_missing(text, b"")
    }

    fn with_missing(text: &str, missing: &'static [u8]) -> Result<Self, FormatError> {
        let mut parts: Vec<Part> = Vec::new();
        for piece in syntax::pieces(text)? {
            let part = match piece {
                Piece::Text(text) => Part::Text(text.to_owned()),
                Piece::Percent => Part::Text("%".to_owned()),
                Piece::Command(command) => Part::Operator(Operator::new(&command)?),
            };
            match (parts.last_mut(), part) {
                (Some(Part::Text(last)), Part::Text(text)) => last.push_str(&text),
                (_, part) => parts.push(part),
            }
        }
        Ok(Self { parts, missing })
    }

    /// Appends the text for a stream.
    pub(crate) fn write(&self, state: &StreamState, out: &mut Vec<u8>) {
        for part in &self.parts {
            let written = match part {
                Part::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    Some(())
                }
                Part::Operator(operator) => operator.write(state, out),
            };
            if written.is_none() {
                out.extend_from_slice(self.missing);
            }
        }
    }

    /// Returns the text for a stream.
    #[must_use]
    pub(crate) fn to_bytes(&self, state: &StreamState) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(state, &mut out);
        out
    }
}
