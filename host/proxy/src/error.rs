//! `ServerError`: why the proxy cannot start, always naming the thing that is wrong.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

/// Why the proxy cannot start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// There is nothing to serve.
    #[error("no listener is configured")]
    NoListener,
    /// A listener's address cannot be bound.
    #[error("listener `{listener}`: cannot bind {address}: {source}")]
    Bind {
        /// The listener.
        listener: String,
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS settings of a cluster cannot be used.
    #[error("cluster `{cluster}`: {source}")]
    ClusterTls {
        /// The cluster.
        cluster: String,
        /// What is wrong with them.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A listener's filters cannot be used.
    #[error("listener `{listener}`: {source}")]
    Listener {
        /// The listener.
        listener: String,
        /// What is wrong with them.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A plugin cannot serve.
    #[error(transparent)]
    Plugin(Box<dyn std::error::Error + Send + Sync>),
    /// Access logs cannot be written.
    #[error(transparent)]
    AccessLog(Box<dyn std::error::Error + Send + Sync>),
    /// The admin interface cannot be served.
    #[error(transparent)]
    Admin(Box<dyn std::error::Error + Send + Sync>),
    /// A worker ended before it served.
    #[error("a worker thread ended while it started")]
    WorkerFailed,
    /// The operating system refused something.
    #[error("cannot start {what}: {source}")]
    System {
        /// What was to be started.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
