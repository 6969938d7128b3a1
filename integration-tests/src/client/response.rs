//! What a client receives.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::task::JoinHandle;

use crate::background;
use crate::message::Headers;

/// A whole answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code; 0 when the connection or stream ended without an answer.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// Body bytes, as far as they came.
    pub body: Bytes,
    /// Trailer fields, if there are any.
    pub trailers: Option<Headers>,
    /// Whether the answer ended as its protocol says.
    pub complete: bool,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    fn none() -> Self {
        Self {
            status: 0,
            headers: Headers::default(),
            body: Bytes::new(),
            trailers: None,
            complete: false,
        }
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.body.get(..200).unwrap_or(&self.body);
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &shown.escape_ascii().to_string())
            .field("body_size", &self.body.len())
            .field("trailers", &self.trailers)
            .field("complete", &self.complete)
            .finish()
    }
}

/// Why there is no answer; scenarios see a [`Response`] with status 0.
#[derive(Debug)]
pub(crate) struct Failure;

impl Failure {
    pub(crate) fn from_error(_: impl Error) -> Self {
        Self
    }
}

type Answer = Result<http::Response<Incoming>, Failure>;

/// A request on its way.
#[derive(Debug)]
pub struct Pending {
    task: JoinHandle<Answer>,
    limit: Duration,
}

impl Pending {
    pub(crate) fn new(task: JoinHandle<Answer>, limit: Duration) -> Self {
        Self { task, limit }
    }

    /// Waits for the whole answer.
    #[must_use]
    pub fn finish(self) -> Response {
        match self.open() {
            Some(open) => open.finish(),
            None => Response::none(),
        }
    }

    /// Waits for the answer's headers; `None` when the connection ends without them.
    #[must_use]
    pub fn open(self) -> Option<Open> {
        let limit = self.limit;
        let answer =
            background::block_on_within(limit, self.task).expect("the client does not panic");
        let (parts, body) = answer.ok()?.into_parts();
        Some(Open {
            parts,
            body,
            received: BytesMut::new(),
            limit,
        })
    }

    /// Gives up, as a client does that closes its connection.
    pub fn abandon(self) {
        self.task.abort();
    }
}

/// An answer whose headers have come.
#[derive(Debug)]
pub struct Open {
    parts: Parts,
    body: Incoming,
    received: BytesMut,
    limit: Duration,
}

impl Open {
    /// Status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.parts.status.as_u16()
    }

    /// Waits until the body has at least so many bytes, and returns what is there.
    #[must_use]
    pub fn wait_for_bytes(self, count: usize) -> (Self, Bytes) {
        let open = background::block_on_within(self.limit, self.read(count));
        let bytes = Bytes::copy_from_slice(&open.received);
        (open, bytes)
    }

    async fn read(mut self, count: usize) -> Self {
        while self.received.len() < count {
            let Some(Ok(frame)) = self.body.frame().await else {
                break;
            };
            let data = frame.into_data().unwrap_or_default();
            self.received.extend_from_slice(&data);
        }
        self
    }

    /// Waits for the rest.
    #[must_use]
    pub fn finish(self) -> Response {
        background::block_on_within(self.limit, self.collect())
    }

    async fn collect(mut self) -> Response {
        let mut response = Response {
            status: self.parts.status.as_u16(),
            headers: Headers::from_map(&self.parts.headers),
            complete: true,
            ..Response::none()
        };
        while let Some(frame) = self.body.frame().await {
            let Ok(frame) = frame else {
                response.complete = false;
                break;
            };
            if let Some(data) = frame.data_ref() {
                self.received.extend_from_slice(data);
            } else if let Some(trailers) = frame.trailers_ref() {
                response.trailers = Some(Headers::from_map(trailers));
            }
        }
        response.body = self.received.freeze();
        response
    }
}
