//! Connections to an endpoint that carry one client's bytes: they are not pooled.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use super::Cluster;
use super::connection::ConnectionFacts;
use super::endpoint::Endpoint;
use super::error::UpstreamError;
use crate::telemetry::HostStats;
use crate::transport::Transport;

/// A connection for one client. It counts as open until it is dropped.
pub(crate) struct TcpConnection {
    /// Its bytes.
    pub(crate) transport: Transport,
    /// What logs tell of it.
    pub(crate) facts: ConnectionFacts,
    _request: ActiveRequest,
    _open: OpenTcpConnection,
}

/// An open connection, or one that is being made.
struct OpenTcpConnection {
    cluster: Rc<Cluster>,
    host: Arc<HostStats>,
}

/// The client that a connection carries counts as one request, as in Envoy.
struct ActiveRequest {
    cluster: Rc<Cluster>,
    host: Arc<HostStats>,
}

impl Cluster {
    /// Connects to an endpoint.
    ///
    /// # Errors
    ///
    /// At once when a circuit breaker is open, later when the connection cannot be made.
    pub(crate) fn connect_tcp(
        self: &Rc<Self>,
        endpoint: &Endpoint,
    ) -> Result<impl Future<Output = Result<TcpConnection, UpstreamError>>, UpstreamError> {
        if !self.stats.may_connect() {
            self.counters.upstream_cx_overflow.inc();
            return Err(UpstreamError::Overflow);
        }
        self.counters.upstream_rq_pending_total.inc();
        let open = OpenTcpConnection::new(self, endpoint);
        Ok(async move {
            let (transport, facts) = self.connect(endpoint).await?;
            Ok(TcpConnection {
                transport,
                facts,
                _request: ActiveRequest::new(self, endpoint),
                _open: open,
            })
        })
    }

    /// Counts a connection for which there was no endpoint.
    pub(crate) fn count_none_healthy(&self) {
        self.counters.upstream_cx_none_healthy.inc();
    }

    /// Counts a client for whom no attempt was successful.
    pub(crate) fn count_attempts_exceeded(&self) {
        self.counters.upstream_cx_connect_attempts_exceeded.inc();
    }
}

impl OpenTcpConnection {
    fn new(cluster: &Rc<Cluster>, endpoint: &Endpoint) -> Self {
        cluster.stats.connection_opened();
        cluster.counters.upstream_cx_total.inc();
        cluster.counters.upstream_cx_active.inc();
        endpoint.stats.cx_total.inc();
        endpoint.stats.cx_active.inc();
        Self {
            cluster: Rc::clone(cluster),
            host: Arc::clone(&endpoint.stats),
        }
    }
}

impl Drop for OpenTcpConnection {
    fn drop(&mut self) {
        self.cluster.stats.connection_closed();
        self.cluster.counters.upstream_cx_active.dec();
        self.cluster.counters.upstream_cx_destroy.inc();
        self.host.cx_active.dec();
        self.cluster.freed.notify_one();
    }
}

impl ActiveRequest {
    fn new(cluster: &Rc<Cluster>, endpoint: &Endpoint) -> Self {
        cluster.counters.upstream_rq_total.inc();
        cluster.counters.upstream_rq_active.inc();
        endpoint.stats.rq_total.inc();
        endpoint.stats.rq_active.inc();
        Self {
            cluster: Rc::clone(cluster),
            host: Arc::clone(&endpoint.stats),
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.cluster.counters.upstream_rq_active.dec();
        self.host.rq_active.dec();
    }
}
