//! Request: what a test sends through the filter.

use tollgate_abi::property;
use tollgate_runtime::{Direction, PropertyValue};

use crate::exchange::{Exchange, Part, Upstream};
use crate::host::TestHost;
use crate::model::Stream;
use crate::open::OpenStream;
use crate::outcome::Outcome;
use crate::upstream::Message;

/// A request, until [`send`](Self::send), [`begin`](Self::begin) or [`open`](Self::open).
#[must_use = "a request does something only when it is sent"]
pub struct Request<'t> {
    host: &'t TestHost,
    worker: usize,
    message: Message,
    /// How the body arrives; empty for all of it at once.
    chunk_sizes: Vec<usize>,
    leaves_when_paused: bool,
    properties: Vec<(Vec<u8>, PropertyValue)>,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl<'t> Request<'t> {
    pub(crate) fn new(host: &'t TestHost, method: &str, path: &str) -> Self {
        let mut message = Message::default();
        let pseudo = [
            (":authority", "test"),
            (":path", path),
            (":method", method),
            (":scheme", "http"),
        ];
        message.headers = pseudo
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let request = Self {
            host,
            worker: 0,
            message,
            chunk_sizes: Vec::new(),
            leaves_when_paused: false,
            properties: Vec::new(),
        };
        request
            .property(["source", "address"], "127.0.0.1:50000")
            .property(["destination", "address"], "127.0.0.1:8080")
            .property(["request", "protocol"], "HTTP/1.1")
    }

    /// Adds a header; `host` sets the authority.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = name.to_ascii_lowercase();
        let headers = &mut self.message.headers;
        if name == "host" || name.starts_with(':') {
            let name = if name == "host" {
                ":authority"
            } else {
                name.as_str()
            };
            headers.retain(|(key, _)| key != name.as_bytes());
            headers.insert(0, (name.into(), value.as_ref().to_vec()));
        } else {
            headers.push((name.into_bytes(), value.as_ref().to_vec()));
        }
        self
    }

    /// Sets the body, with its `content-length`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.message.body = body.as_ref().to_vec();
        let length = self.message.body.len().to_string();
        self.header("content-length", length)
    }

    /// Lets the body arrive in pieces of these sizes, the rest in a last one.
    pub fn chunks(mut self, sizes: &[usize]) -> Self {
        self.chunk_sizes = sizes.to_vec();
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = name.to_ascii_lowercase().into_bytes();
        self.message.trailers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Sets the client's address, such as `192.0.2.1:1234`.
    pub fn remote_address(self, address: &str) -> Self {
        self.property(["source", "address"], address)
    }

    /// Sets an attribute that is text.
    pub fn property<P: AsRef<[u8]>>(self, path: impl IntoIterator<Item = P>, value: &str) -> Self {
        self.property_value(path, PropertyValue::text(value))
    }

    /// Sets an attribute of any type.
    pub fn property_value<P: AsRef<[u8]>>(
        mut self,
        path: impl IntoIterator<Item = P>,
        value: PropertyValue,
    ) -> Self {
        self.properties.push((property::join(path), value));
        self
    }

    /// Has the client leave when the filter first pauses the request.
    pub fn leave_when_paused(mut self) -> Self {
        self.leaves_when_paused = true;
        self
    }

    /// Sends the request to a worker, counted from 0, instead of the first.
    pub const fn on_worker(mut self, worker: usize) -> Self {
        self.worker = worker;
        self
    }

    /// Sends the request and lets the test's time pass until it has ended.
    ///
    /// # Panics
    ///
    /// When the plugin does not start.
    #[track_caller]
    pub fn send(self) -> Outcome {
        let (host, leaves) = (self.host, self.leaves_when_paused);
        let stream = self.begin_with(Upstream::Origin);
        host.wait(stream.exchange(), leaves);
        stream.exchange().outcome()
    }

    /// Sends the whole request and returns at once, without letting time pass. The test may answer
    /// in the origin's place.
    ///
    /// # Panics
    ///
    /// When the plugin does not start.
    #[track_caller]
    pub fn begin(self) -> OpenStream<'t> {
        self.begin_with(Upstream::Test)
    }

    /// Sends the headers only, to which more may follow; body and trailers of this request are
    /// left out.
    ///
    /// # Panics
    ///
    /// When the plugin does not start.
    #[track_caller]
    pub fn open(self) -> OpenStream<'t> {
        let host = self.host;
        host.ensure_started();
        let entries = self.message.headers.clone();
        let stream = OpenStream::new(host, self.exchange(Upstream::Test));
        let part = Part::Headers {
            entries,
            ends: false,
        };
        stream.exchange().send(Direction::Request, part);
        host.settle();
        stream
    }

    #[track_caller]
    fn begin_with(self, upstream: Upstream) -> OpenStream<'t> {
        let host = self.host;
        host.ensure_started();
        let (message, chunks) = (self.message.clone(), self.chunk_sizes.clone());
        let stream = OpenStream::new(host, self.exchange(upstream));
        let exchange = stream.exchange();
        exchange.send_message(Direction::Request, message, &chunks);
        host.settle();
        stream
    }

    fn exchange(self, upstream: Upstream) -> Exchange {
        let stream = Stream::default();
        stream.properties.borrow_mut().extend(self.properties);
        Exchange::new(self.host, self.worker, stream, upstream)
    }
}
