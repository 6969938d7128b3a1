//! Lease: the use of a connection by one request, and what it counts towards.

use std::rc::Rc;

use super::Cluster;
use super::connection::{Detached, Http1Connection, Http2Usage};
use super::endpoint::Endpoint;
use super::quiet_waker::QuietWaker;

/// One request at an endpoint. Dropping it closes the HTTP/1 connection it was given.
#[derive(Debug)]
pub(crate) struct Lease {
    cluster: Rc<Cluster>,
    endpoint: Rc<Endpoint>,
    connection: Option<Box<Http1Connection>>,
    /// The HTTP/2 connection that carries this stream.
    shared: Option<Rc<Http2Usage>>,
}

impl Lease {
    pub(super) fn new(cluster: &Rc<Cluster>, endpoint: &Rc<Endpoint>) -> Self {
        endpoint
            .active_requests
            .set(endpoint.active_requests.get() + 1);
        cluster.stats.request_started();
        cluster.counters.upstream_rq_total.inc();
        cluster.counters.upstream_rq_active.inc();
        endpoint.stats.rq_total.inc();
        endpoint.stats.rq_active.inc();
        let (cluster, endpoint) = (Rc::clone(cluster), Rc::clone(endpoint));
        Self {
            cluster,
            endpoint,
            connection: None,
            shared: None,
        }
    }

    pub(super) fn hold(&mut self, connection: Box<Http1Connection>) {
        self.connection = Some(connection);
    }

    /// The request becomes a stream of an HTTP/2 connection.
    pub(super) fn join(&mut self, connection: &Rc<Http2Usage>) {
        self.leave();
        connection.active.set(connection.active.get() + 1);
        self.shared = Some(Rc::clone(connection));
    }

    fn leave(&mut self) {
        if let Some(connection) = self.shared.take() {
            connection
                .active
                .set(connection.active.get().saturating_sub(1));
            self.cluster.freed.notify_waiters();
        }
    }

    /// Gives the connection back for the next request.
    pub(super) fn release(mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        connection.served += 1;
        let worn_out = connection.served >= self.cluster.max_requests_per_connection;
        // Not ready means that the request is still being sent: such a connection is closed.
        if !worn_out && connection.sender.is_ready() {
            connection.idle_since = None;
            self.endpoint.put_idle(connection);
            self.cluster.freed.notify_waiters();
        }
    }

    /// Returns what wakes the connection's task, if it has one connection to itself.
    pub(super) fn waker(&self) -> Option<&QuietWaker> {
        let connection = self.connection.as_deref()?;
        Some(&connection.waker)
    }

    /// Waits for the transport after an upgrade; the lease counts as long as it is kept.
    pub(crate) async fn detach(&mut self) -> Option<Detached> {
        self.connection.as_mut()?.detach().await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leave();
        let active = &self.endpoint.active_requests;
        active.set(active.get().saturating_sub(1));
        self.cluster.stats.request_ended();
        self.cluster.counters.upstream_rq_active.dec();
        self.endpoint.stats.rq_active.dec();
    }
}
