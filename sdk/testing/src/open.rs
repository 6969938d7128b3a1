//! Open streams: requests that a test takes through the filter step by step.

use std::fmt;
use std::rc::Rc;

use tollgate_runtime::Direction;

use crate::exchange::{Exchange, Part, Upstream};
use crate::host::TestHost;
use crate::outcome::{End, Outcome};
use crate::upstream::{Entries, Message, UpstreamResponse};

/// A request under way. Any number may be; each step is shown to the filter at once.
///
/// Time passes only by [`TestHost::advance`] and [`finish`](Self::finish).
///
/// ```
/// # use tollgate::prelude::*;
/// # struct Pass;
/// # impl Plugin for Pass {
/// #     const NAME: &'static str = "pass";
/// #     type Config = ();
/// #     async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> { Ok(Self) }
/// # }
/// # #[http_filter]
/// # impl HttpFilter for Pass { type State = (); }
/// use tollgate_testing::{Stage, TestHost, UpstreamResponse};
///
/// let t = TestHost::native::<Pass>("{}");
/// let upload = t.post("/upload").open();
/// let other = t.get("/").begin();
/// upload.send_body("half of it");
/// assert_eq!(upload.stage(), Stage::Request);
/// assert_eq!(other.stage(), Stage::Forwarded);
/// other.respond(UpstreamResponse::new(204));
/// other.finish().assert_status(204);
/// upload.end_body(", and the rest").finish().assert_upstream_body("half of it, and the rest");
/// ```
pub struct OpenStream<'t> {
    host: &'t TestHost,
    exchange: Rc<Exchange>,
}

/// Where a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// More of the request may be sent; the filter lets it pass, or looks at it as it comes.
    Request,
    /// The filter has paused the request.
    RequestPaused,
    /// The whole request has reached the upstream.
    Forwarded,
    /// The response is coming.
    Response,
    /// The filter has paused the response.
    ResponsePaused,
    /// It is over.
    Over(End),
}

impl fmt::Debug for OpenStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStream")
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}

/// Steps of the client.
impl<'t> OpenStream<'t> {
    pub(crate) fn new(host: &'t TestHost, exchange: Exchange) -> Self {
        let exchange = host.add_exchange(exchange);
        Self { host, exchange }
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn send(&self, direction: Direction, part: Part) -> &Self {
        self.exchange.send(direction, part);
        self.host.settle();
        self
    }

    /// Sends a piece of the request's body.
    pub fn send_body(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.send(Direction::Request, body(bytes.as_ref(), false))
    }

    /// Sends the last piece of the request's body, which may be empty.
    pub fn end_body(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.send(Direction::Request, body(bytes.as_ref(), true))
    }

    /// Ends the request with trailers.
    pub fn end_with_trailers(&self, trailers: &[(&str, &str)]) -> &Self {
        self.send(Direction::Request, Part::Trailers(entries(trailers)))
    }

    /// The client leaves.
    pub fn leave(&self) -> Outcome {
        self.exchange.finish(self.host, End::ClientLeft);
        self.host.settle();
        self.exchange.outcome()
    }

    /// Lets time pass until the stream is over. Unless the test has answered, the origin does.
    ///
    /// A stream whose request or answer the test has begun and not ended is stuck.
    pub fn finish(&self) -> Outcome {
        if self.exchange.upstream() == Upstream::Test {
            self.exchange.set_upstream(Upstream::Origin);
        }
        self.host.wait(&self.exchange, false);
        self.exchange.outcome()
    }
}

/// Steps of the upstream.
impl OpenStream<'_> {
    /// The upstream answers with a whole response. Its delay does not count.
    pub fn respond(&self, response: UpstreamResponse) -> &Self {
        self.exchange.answer(response);
        self.host.settle();
        self
    }

    /// The upstream answers with headers, and a body follows.
    pub fn respond_headers(&self, status: u16, headers: &[(&str, &str)]) -> &Self {
        self.exchange.set_upstream(Upstream::Asked);
        let mut all = vec![(b":status".to_vec(), status.to_string().into_bytes())];
        all.extend(entries(headers));
        let part = Part::Headers {
            entries: all,
            ends: false,
        };
        self.send(Direction::Response, part)
    }

    /// The upstream sends a piece of the body.
    pub fn respond_body(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.send(Direction::Response, body(bytes.as_ref(), false))
    }

    /// The upstream sends the last piece of the body, which may be empty.
    pub fn end_response(&self, bytes: impl AsRef<[u8]>) -> &Self {
        self.send(Direction::Response, body(bytes.as_ref(), true))
    }

    /// The upstream ends the response with trailers.
    pub fn end_response_with_trailers(&self, trailers: &[(&str, &str)]) -> &Self {
        self.send(Direction::Response, Part::Trailers(entries(trailers)))
    }

    /// The upstream breaks off: before its headers the client gets the proxy's 503, after them a
    /// reset.
    pub fn upstream_resets(&self) -> &Self {
        if self.exchange.response().has_begun() {
            self.exchange.finish(self.host, End::UpstreamReset);
        }
        self.respond(UpstreamResponse::reset())
    }
}

/// Looking.
impl OpenStream<'_> {
    /// Returns where the request is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let (request, response) = (self.exchange.request(), self.exchange.response());
        if self.exchange.is_over() {
            Stage::Over(self.exchange.outcome().end)
        } else if response.is_held() {
            Stage::ResponsePaused
        } else if response.has_begun() {
            Stage::Response
        } else if request.is_held() {
            Stage::RequestPaused
        } else if self.exchange.is_forwarded() {
            Stage::Forwarded
        } else {
            Stage::Request
        }
    }

    /// Returns what has passed the filter in the request's direction so far: body bytes that the
    /// upstream has got.
    #[must_use]
    pub fn upstream_body(&self) -> Vec<u8> {
        passed_body(self.exchange.request().passed())
    }

    /// Returns the body bytes that the client has got so far.
    #[must_use]
    pub fn client_body(&self) -> Vec<u8> {
        passed_body(self.exchange.response().passed())
    }

    /// Asserts where the request is.
    ///
    /// # Panics
    ///
    /// When it is elsewhere.
    #[track_caller]
    pub fn assert_stage(&self, stage: &Stage) -> &Self {
        assert_eq!(&self.stage(), stage, "stage");
        self
    }
}

fn passed_body(message: &Message) -> Vec<u8> {
    message.body.clone()
}

fn body(bytes: &[u8], ends: bool) -> Part {
    Part::Body {
        bytes: bytes.to_vec(),
        ends,
    }
}

fn entries(all: &[(&str, &str)]) -> Entries {
    let entry = |(name, value): &(&str, &str)| {
        let name = name.to_ascii_lowercase().into_bytes();
        (name, value.as_bytes().to_vec())
    };
    all.iter().map(entry).collect()
}
