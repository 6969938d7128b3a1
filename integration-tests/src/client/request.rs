//! What a client sends.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use crate::background;
use crate::client::connection::Connection;
use crate::client::response::{Pending, Response};
pub use crate::origin::body::{Body, Gate};

/// Protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
}

/// The host that requests name unless told otherwise; ports would differ between proxies.
const AUTHORITY: &str = "tollgate.test";

/// No scenario needs longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A request under construction.
#[derive(Debug)]
pub struct Request {
    port: u16,
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Request {
    /// Starts a request to a port of this machine.
    #[must_use]
    pub fn new(port: u16, method: &str, path: &str) -> Self {
        Self {
            port,
            version: Version::Http1,
            method: method.parse().expect("a method is a token"),
            path: path.to_owned(),
            authority: AUTHORITY.to_owned(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        }
    }

    /// Uses HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.version = Version::Http2;
        self
    }

    /// Adds the headers that make it a gRPC call.
    #[must_use]
    pub fn grpc(self) -> Self {
        self.header("content-type", "application/grpc")
            .header("te", "trailers")
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

    /// Names another host.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// Sends a body of known length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::sized(body);
        self
    }

    /// Sends a body piece by piece.
    #[must_use]
    pub fn stream(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Sends on a new connection and waits for the whole answer.
    #[must_use]
    pub fn send(self) -> Response {
        self.start().finish()
    }

    /// Sends on a new connection; the answer can be read while the request goes on.
    #[must_use]
    pub fn start(self) -> Pending {
        let (port, version) = (self.port, self.version);
        let task = background::spawn(async move {
            let connection = Connection::open_async(port, version).await?;
            connection.send_async(self).await
        });
        Pending::new(task, LIMIT)
    }
}
