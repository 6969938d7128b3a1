//! How the origin answers.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::origin::body::Body;

/// When the origin begins to answer, or whether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After the whole request.
    AfterRequest,
    /// After the whole request and a delay.
    Delayed(Duration),
    /// At once, while the request still comes.
    Early,
    /// It closes the connection or resets the stream instead.
    Reset,
}

/// An answer of the origin; cloned for every request to its path.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) start: Start,
    /// Whether the body is the request's.
    pub(crate) echo: bool,
}

impl Answer {
    /// An answer with a status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::empty(),
            start: Start::AfterRequest,
            echo: false,
        }
    }

    /// 200 with a body of known length.
    #[must_use]
    pub fn text(body: impl Into<Bytes>) -> Self {
        let mut answer = Self::status(200).header("content-type", "text/plain");
        answer.body = Body::sized(body);
        answer
    }

    /// 200 with a body that comes piece by piece.
    #[must_use]
    pub fn stream(body: Body) -> Self {
        let mut answer = Self::status(200);
        answer.body = body;
        answer
    }

    /// 200 with the request's body.
    #[must_use]
    pub fn echo() -> Self {
        Self {
            echo: true,
            ..Self::status(200)
        }
    }

    /// No answer: the connection or stream ends.
    #[must_use]
    pub fn reset() -> Self {
        Self {
            start: Start::Reset,
            ..Self::status(200)
        }
    }

    /// Answers so much later.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.start = Start::Delayed(delay);
        self
    }

    /// Answers before the request's body is there.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.start = Start::Early;
        self
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a header whose value is no text.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name: HeaderName = name.parse().expect("a header has a legal name");
        self.headers.append(
            name,
            HeaderValue::from_bytes(value).expect("a legal header value"),
        );
        self
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self::text("hello from the origin\n").header("x-origin", "yes")
    }
}
