//! Endpoint: one upstream address, its load, and its open connections.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tollgate_config::EndpointAttributes;

use super::connection::{Http1Connection, Http2Connection};
use crate::telemetry::HostStats;

/// One upstream address as one worker uses it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// What plugins can read about it.
    pub(crate) attributes: Arc<EndpointAttributes>,
    /// Its name: `hostname` of the configuration, or the name that resolved to it.
    pub(crate) hostname: Option<Arc<str>>,
    /// Share of requests.
    pub(super) weight: u32,
    /// Whether its `health_status` allows traffic.
    pub(super) healthy: bool,
    /// Its statistics, shared by all workers.
    pub(super) stats: Arc<HostStats>,
    /// Requests that wait for their response to end.
    pub(super) active_requests: Cell<u32>,
    /// Where smooth weighted round robin stands.
    pub(super) current_weight: Cell<i64>,
    #[expect(
        clippy::vec_box,
        reason = "taken out and put back by every request, as they are"
    )]
    idle: RefCell<Vec<Box<Http1Connection>>>,
    http2: RefCell<Vec<Http2Connection>>,
    /// One HTTP/2 connection is made at a time: whoever comes later finds it made.
    pub(super) http2_gate: Semaphore,
}

impl Endpoint {
    pub(super) fn new(
        address: SocketAddr,
        hostname: Option<Arc<str>>,
        weight: u32,
        healthy: bool,
        stats: Arc<HostStats>,
        attributes: Arc<EndpointAttributes>,
    ) -> Rc<Self> {
        Rc::new(Self {
            address,
            attributes,
            hostname,
            weight,
            healthy,
            stats,
            active_requests: Cell::new(0),
            current_weight: Cell::new(0),
            idle: RefCell::default(),
            http2: RefCell::default(),
            http2_gate: Semaphore::new(1),
        })
    }

    /// Takes the connection that was used last, which is the least likely to be closed by now.
    pub(super) fn take_idle(&self) -> Option<Box<Http1Connection>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(connection) = idle.pop() {
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn put_idle(&self, connection: Box<Http1Connection>) {
        self.idle.borrow_mut().push(connection);
    }

    /// Returns an open HTTP/2 connection that takes one more request.
    pub(super) fn http2(&self, max_requests: u32) -> Option<Http2Connection> {
        let mut open = self.http2.borrow_mut();
        open.retain(|one| !one.sender.is_closed() && one.usage.served.get() < max_requests);
        open.iter().find(|one| one.has_room()).cloned()
    }

    /// Returns whether there is an HTTP/2 connection, be it one without room.
    pub(super) fn has_http2(&self) -> bool {
        !self.http2.borrow().is_empty()
    }

    pub(super) fn add_http2(&self, connection: Http2Connection) {
        self.http2.borrow_mut().push(connection);
    }

    /// Closes connections that were idle for longer than `timeout`.
    pub(super) fn close_idle(&self, now: Instant, timeout: Duration) {
        let expired = |since: Instant| now.saturating_duration_since(since) > timeout;
        self.idle
            .borrow_mut()
            .retain_mut(|connection| !expired(*connection.idle_since.get_or_insert(now)));
        self.http2
            .borrow_mut()
            .retain(|open| open.usage.active.get() > 0 || !expired(open.usage.used.get()));
    }
}
