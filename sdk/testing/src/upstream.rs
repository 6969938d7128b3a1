//! Upstreams: what a test's origin and clusters are asked, and what they answer.

use std::fmt;
use std::time::Duration;

/// A request as an upstream sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamRequest {
    /// Headers, pseudo-headers first, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl UpstreamRequest {
    /// Returns the first value of a header; bytes that are not UTF-8 are shown as `\xNN`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        find(&self.headers, name)
    }

    /// Returns each value of a header.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let values = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.map(|(_, value)| text(value)).collect()
    }

    /// Returns the path with its query.
    #[must_use]
    pub fn path(&self) -> String {
        self.header(":path").unwrap_or_default()
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> String {
        self.header(":method").unwrap_or_default()
    }

    /// Returns the first value of a trailer.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<String> {
        find(&self.trailers, name)
    }
}

/// What an upstream answers: `UpstreamResponse::new(200).header("a", "b").body("c")`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "return it from an upstream's handler"]
pub struct UpstreamResponse {
    pub(crate) kind: Kind,
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Complete(Message),
    Reset,
    Silent,
}

/// Names and values.
pub(crate) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Headers, body and trailers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) headers: Entries,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Entries,
}

impl UpstreamResponse {
    /// Answers with a status.
    pub fn new(status: u16) -> Self {
        let headers = vec![(b":status".to_vec(), status.to_string().into_bytes())];
        Self::of(Kind::Complete(Message {
            headers,
            ..Message::default()
        }))
    }

    /// Breaks the connection after the headers.
    pub const fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// Never answers, so that the caller's timeout passes.
    pub const fn silent() -> Self {
        Self::of(Kind::Silent)
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            delay: Duration::ZERO,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Kind::Complete(message) = &mut self.kind {
            message.headers.push((
                name.to_ascii_lowercase().into_bytes(),
                value.as_ref().to_vec(),
            ));
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        if let Kind::Complete(message) = &mut self.kind {
            message.body = body.as_ref().to_vec();
        }
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Kind::Complete(message) = &mut self.kind {
            let name = name.to_ascii_lowercase().into_bytes();
            message.trailers.push((name, value.as_ref().to_vec()));
        }
        self
    }

    /// Lets this much of the test's time pass before the answer.
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// Decides what an upstream answers.
pub(crate) type Handler = Box<dyn Fn(&UpstreamRequest) -> UpstreamResponse>;

/// Shows bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

pub(crate) fn find(entries: &[(String, Vec<u8>)], name: &str) -> Option<String> {
    let entry = entries
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    entry.map(|(_, value)| text(value))
}

/// Entries with names as text.
pub(crate) fn named(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    entries
        .iter()
        .map(|(name, value)| (text(name), value.clone()))
        .collect()
}

/// Writes entries one a line, for messages of failed assertions.
pub(crate) fn list(f: &mut fmt::Formatter<'_>, entries: &[(String, Vec<u8>)]) -> fmt::Result {
    entries
        .iter()
        .try_for_each(|(name, value)| writeln!(f, "  {name}: {}", text(value)))
}
