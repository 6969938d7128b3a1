//! Upstreams: what a test's origin and clusters are asked, and what they answer.

use std::cell::Cell;
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
    /// How an origin's body arrives; empty for all of it at once.
    pub(crate) chunk_sizes: Vec<usize>,
}

/// Answers in turn; the last answer is for all requests that follow.
///
/// ```
/// use tollgate_testing::{UpstreamResponse, in_turn};
///
/// // The first request finds nobody, the second waits in vain, all others are answered.
/// let answers = in_turn([
///     UpstreamResponse::refused(),
///     UpstreamResponse::silent(),
///     UpstreamResponse::new(200),
/// ]);
/// # let _ = answers;
/// ```
///
/// # Panics
///
/// The returned handler, when there are no answers at all.
pub fn in_turn(
    answers: impl IntoIterator<Item = UpstreamResponse>,
) -> impl Fn(&UpstreamRequest) -> UpstreamResponse {
    let answers: Vec<_> = answers.into_iter().collect();
    let next = Cell::new(0);
    move |_| {
        let answer = answers.get(next.get()).or_else(|| answers.last());
        next.set(next.get() + 1);
        assert!(answer.is_some(), "there are no answers to give in turn");
        answer
            .cloned()
            .unwrap_or_else(|| UpstreamResponse::new(200))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Complete(Message),
    Reset,
    Silent,
    Refused,
}

impl Kind {
    /// The message, or what Envoy's router answers for an upstream that sends none.
    pub(crate) fn in_its_place(self) -> Message {
        let (status, body) = match self {
            Self::Complete(message) => return message,
            Self::Silent => (504, "upstream request timeout"),
            Self::Refused => (
                503,
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: remote connection failure",
            ),
            Self::Reset => (
                503,
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: connection termination",
            ),
        };
        let headers = [
            (":status", status.to_string()),
            ("content-length", body.len().to_string()),
            ("content-type", "text/plain".to_owned()),
        ];
        Message {
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.into(), value.into_bytes()))
                .collect(),
            body: body.into(),
            trailers: Entries::new(),
        }
    }
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

    /// Cannot be connected to; the caller gets the proxy's own 503.
    pub const fn refused() -> Self {
        Self::of(Kind::Refused)
    }

    /// Never answers, so that the caller's timeout passes.
    pub const fn silent() -> Self {
        Self::of(Kind::Silent)
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            delay: Duration::ZERO,
            chunk_sizes: Vec::new(),
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

    /// Lets the body of an origin's response arrive in pieces of these sizes, the rest in a last
    /// one. A callout's body comes as a whole in any case.
    pub fn chunks(mut self, sizes: &[usize]) -> Self {
        self.chunk_sizes = sizes.to_vec();
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
