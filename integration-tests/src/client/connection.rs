//! One connection that carries requests.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::background;
use crate::client::request::{Request, Version};
use crate::client::response::{Failure, Pending, Response};
use crate::origin::body::Body;

/// No scenario needs longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A client's connection to a proxy.
#[derive(Clone, Debug)]
pub struct Connection {
    sender: Arc<Mutex<Sender>>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Connection {
    /// Connects to a port of this machine.
    #[must_use]
    pub fn open(port: u16, version: Version) -> Self {
        background::block_on(Self::open_async(port, version)).expect("the port is open")
    }

    pub(crate) async fn open_async(port: u16, version: Version) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(Failure::from_error)?;
        stream.set_nodelay(true).map_err(Failure::from_error)?;
        let io = TokioIo::new(stream);
        let sender = match version {
            Version::Http1 => {
                let (sender, driver) = http1::handshake(io).await.map_err(Failure::from_error)?;
                background::spawn(driver.with_upgrades());
                Sender::Http1(sender)
            }
            Version::Http2 => {
                let (sender, driver) = http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(Failure::from_error)?;
                background::spawn(driver);
                Sender::Http2(sender)
            }
        };
        Ok(Self {
            sender: Arc::new(Mutex::new(sender)),
        })
    }

    /// Sends a request and waits for the whole answer.
    #[must_use]
    pub fn send(&self, request: Request) -> Response {
        self.start(request).finish()
    }

    /// Sends a request on this connection.
    #[must_use]
    pub fn start(&self, request: Request) -> Pending {
        let connection = self.clone();
        let task = background::spawn(async move { connection.send_async(request).await });
        Pending::new(task, LIMIT)
    }

    pub(crate) async fn send_async(
        &self,
        request: Request,
    ) -> Result<http::Response<Incoming>, Failure> {
        let mut sender = self.sender.lock().await;
        match &mut *sender {
            Sender::Http1(sender) => {
                sender.ready().await.map_err(Failure::from_error)?;
                let sent = sender.send_request(for_http1(request));
                sent.await.map_err(Failure::from_error)
            }
            Sender::Http2(shared) => {
                let mut own = shared.clone();
                drop(sender);
                own.ready().await.map_err(Failure::from_error)?;
                own.send_request(for_http2(request))
                    .await
                    .map_err(Failure::from_error)
            }
        }
    }
}

fn for_http1(request: Request) -> http::Request<Body> {
    let mut message = http::Request::new(request.body);
    *message.method_mut() = request.method;
    *message.uri_mut() = request.path.parse().expect("a legal path");
    let host = request.authority.parse().expect("a legal host");
    message.headers_mut().insert(http::header::HOST, host);
    message.headers_mut().extend(request.headers);
    message
}

fn for_http2(request: Request) -> http::Request<Body> {
    let mut message = http::Request::new(request.body);
    *message.version_mut() = http::Version::HTTP_2;
    *message.method_mut() = request.method;
    *message.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(request.authority)
        .path_and_query(request.path)
        .build()
        .expect("a legal target");
    *message.headers_mut() = request.headers;
    message
}
