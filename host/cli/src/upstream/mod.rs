//! Built-in upstreams: what answers behind the filters of `demo` and `dev`.
//!
//! Each has a thread, and lives as long as the program.

mod echo;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// Any: bytes come back as they are.
    Bytes,
}

/// A server on loopback that answers with what it received.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    /// Binds an address and serves it.
    ///
    /// # Errors
    ///
    /// When the address or a thread cannot be had.
    pub(crate) fn start(address: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || runtime.block_on(accept(listener, protocol)))?;
        Ok(Self { address })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts connections until there is something wrong with the socket itself.
async fn accept(listener: TcpListener, protocol: Protocol) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        // A client that is gone before it is accepted is no reason to stop.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, protocol));
        }
    }
}

/// Serves a connection until either side ends it or breaks the protocol.
async fn serve(mut stream: TcpStream, protocol: Protocol) {
    let service = service_fn(echo::answer);
    match protocol {
        Protocol::Http1 => {
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(served.await);
        }
        Protocol::Http2 => {
            let builder = http2::Builder::new(TokioExecutor::new());
            drop(
                builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        }
        Protocol::Bytes => {
            let (mut reader, mut writer) = stream.split();
            drop(tokio::io::copy(&mut reader, &mut writer).await);
        }
    }
}
