//! Connections to an endpoint: made with a deadline, driven by a task of their own.

use std::cell::Cell;
use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::OpenConnection;
use super::body::UpstreamBody;
use super::error::UpstreamError;
use super::quiet_waker::QuietWaker;
use crate::filter::TlsInfo;
use crate::transport::Transport;
use crate::worker::{self, LocalExecutor};

/// A connection that has left HTTP: its transport, and what was read beyond the response.
pub(crate) type Detached = http1::Parts<TokioIo<Transport>>;

/// Receive windows of HTTP/2 as in Envoy.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 24 * 1024 * 1024;

/// An HTTP/1 connection, kept boxed: it changes hands three times a request. Dropping it closes it
/// at once, also amid a response.
#[derive(Debug)]
pub(crate) struct Http1Connection {
    pub(super) sender: http1::SendRequest<UpstreamBody>,
    pub(super) facts: Rc<ConnectionFacts>,
    pub(super) served: u32,
    /// Set by the look at idle connections that sees it idle first.
    pub(super) idle_since: Option<Instant>,
    detached: Option<oneshot::Receiver<Detached>>,
    /// Wakes the driver.
    pub(super) waker: Arc<QuietWaker>,
    driver: JoinHandle<()>,
}

/// An HTTP/2 connection, shared by as many streams as the upstream allows.
#[derive(Clone, Debug)]
pub(crate) struct Http2Connection {
    pub(super) sender: http2::SendRequest<UpstreamBody>,
    pub(super) facts: Rc<ConnectionFacts>,
    pub(super) usage: Rc<Http2Usage>,
}

/// What all who share an HTTP/2 connection know of it.
#[derive(Debug)]
pub(super) struct Http2Usage {
    /// How many streams the upstream allows.
    limit: Cell<usize>,
    /// How many there are.
    pub(super) active: Cell<usize>,
    pub(super) served: Cell<u32>,
    pub(super) used: Cell<Instant>,
}

/// What logs tell of an upstream connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionFacts {
    /// Unique in the process.
    pub(crate) id: u64,
    /// Our address.
    pub(crate) local_address: Option<SocketAddr>,
    /// TLS facts; `None` on plain connections.
    pub(crate) tls: Option<Rc<TlsInfo>>,
    /// How long it took to connect, until the first request has asked for it: later ones did not
    /// wait.
    pub(crate) connect_time: Cell<Duration>,
}

impl Http1Connection {
    pub(super) async fn start(
        transport: Transport,
        facts: ConnectionFacts,
        open: OpenConnection,
    ) -> Result<Box<Self>, UpstreamError> {
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(transport))
            .await
            .map_err(UpstreamError::from_hyper)?;
        let (detach, detached) = oneshot::channel();
        let waker = Arc::new(QuietWaker::default());
        let quiet = Arc::clone(&waker);
        // The request's own task could drive it, with fewer switches and instructions, but that
        // took a fourth more time: perhaps since tasks that wait for each other write in bursts.
        let driver = worker::spawn(async move {
            match quiet.drive(connection.without_shutdown()).await {
                // Only an upgrade waits for the transport; otherwise it is closed here.
                Ok(parts) => drop(detach.send(parts)),
                Err(error) => tracing::debug!(%error, "upstream connection"),
            }
            drop(open);
        });
        let detached = Some(detached);
        Ok(Box::new(Self {
            sender,
            facts: Rc::new(facts),
            served: 0,
            idle_since: None,
            detached,
            waker,
            driver,
        }))
    }

    /// Waits until the connection has left HTTP after an upgrade.
    pub(crate) async fn detach(&mut self) -> Option<Detached> {
        self.detached.take()?.await.ok()
    }
}

impl Drop for Http1Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Http2Connection {
    pub(super) async fn start(
        transport: Transport,
        facts: ConnectionFacts,
        open: OpenConnection,
    ) -> Result<Self, UpstreamError> {
        let (sender, mut connection) = http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(UpstreamError::from_hyper)?;
        let usage = Rc::new(Http2Usage {
            limit: Cell::new(connection.current_max_send_streams()),
            active: Cell::new(0),
            served: Cell::new(0),
            used: Cell::new(Instant::now()),
        });
        let known = Rc::clone(&usage);
        worker::spawn(async move {
            // Every request wakes it, which is often enough to know what the upstream has set.
            let ended = poll_fn(|cx| {
                let ended = Pin::new(&mut connection).poll(cx);
                known.limit.set(connection.current_max_send_streams());
                ended
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "upstream connection");
            }
            drop(open);
        });
        Ok(Self {
            sender,
            facts: Rc::new(facts),
            usage,
        })
    }

    /// Returns whether the upstream takes one more stream on it.
    pub(super) fn has_room(&self) -> bool {
        self.usage.active.get() < self.usage.limit.get()
    }
}

impl ConnectionFacts {
    pub(super) fn of(stream: &TcpStream) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            id,
            local_address: stream.local_addr().ok(),
            tls: None,
            connect_time: Cell::default(),
        }
    }
}
