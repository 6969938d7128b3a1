//! The admin interface's listener, on its own thread.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinSet, LocalSet};

use super::{AdminContext, answer_request};

/// How often the intervals of histograms end; Envoy's default.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// Connections at once; more wait.
const MAX_CONNECTIONS: usize = 64;
/// Time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no admin interface.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// Its address cannot be bound.
    #[error("admin: cannot bind {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It has no thread or runtime.
    #[error("admin: {0}")]
    System(#[from] io::Error),
}

/// A bound address that nobody serves yet.
#[derive(Debug)]
pub(crate) struct BoundAdmin {
    listener: TcpListener,
    address: SocketAddr,
}

/// The admin interface while it serves. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BoundAdmin {
    /// Binds an address.
    ///
    /// # Errors
    ///
    /// When it cannot be bound.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let failed = |source| AdminError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Returns the address with its real port.
    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to serve.
    ///
    /// # Errors
    ///
    /// When there can be no thread or runtime.
    pub(crate) fn serve(self, context: AdminContext) -> Result<Admin, AdminError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener)?
        };
        super::stats::count_start(&context);
        let context = Arc::new(context);
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                let serving = async {
                    tokio::select! {
                        () = accept(&listener, &context) => {}
                        () = flush(&context) => {}
                        // An error means that the sender is gone, which is a stop too.
                        _ = stopped => {}
                    }
                };
                LocalSet::new().block_on(&runtime, serving);
            })?;
        Ok(Admin {
            address: self.address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Admin {
    /// Returns the address it serves.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admin thread panicked");
        }
    }
}

async fn flush(context: &AdminContext) {
    let mut ticks = tokio::time::interval(FLUSH_INTERVAL);
    loop {
        ticks.tick().await;
        context.stats.flush();
    }
}

async fn accept(listener: &tokio::net::TcpListener, context: &Arc<AdminContext>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let context = Arc::clone(context);
                connections.spawn_local(async move {
                    serve_connection(stream, context).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "admin: accept");
                // Out of file descriptors, most likely: somebody has to close one first.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection(stream: TcpStream, context: Arc<AdminContext>) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (uri, method) = (request.uri(), request.method().clone());
        let (path, query) = (uri.path().to_owned(), uri.query().map(str::to_owned));
        let reply = answer_request(Arc::clone(&context), method, path, query);
        async { Ok::<_, Infallible>(reply.await.into_response()) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "admin connection");
    }
}
