//! Clusters: which endpoint serves a request, and the connections to it.
//!
//! Each worker has its own endpoints and connections, so choosing one and taking a pooled
//! connection takes no lock. Only the counts behind the circuit breakers cross workers.

mod body;
mod connect;
mod connection;
mod endpoint;
mod error;
mod lease;
mod load_balancer;
mod manager;
mod quiet_waker;
mod resolver;
mod stats;
mod tcp;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use tokio::sync::Notify;
use tollgate_config::{ProtoMessage, UpstreamProtocol};

pub(crate) use body::{BodyAborted, BodySource, UpstreamBody, UpstreamResponseBody};
pub(crate) use connection::ConnectionFacts;
pub(crate) use endpoint::Endpoint;
pub(crate) use error::UpstreamError;
pub(crate) use lease::Lease;
pub(crate) use manager::{ClusterManager, SharedClusters};
pub(crate) use stats::ClusterStats;
pub(crate) use tcp::TcpConnection;

use connect::UpstreamTlsContext;
use connection::{Http1Connection, Http2Connection};
use load_balancer::LoadBalancer;

use crate::random::Random;
use crate::telemetry::{HostStats, Hosts, ResponseCodeStats, UpstreamStats};

/// A cluster as one worker uses it.
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// What is spoken.
    pub(crate) protocol: UpstreamProtocol,
    /// Its metadata.
    pub(crate) metadata: ProtoMessage,
    endpoints: RefCell<Rc<[Rc<Endpoint>]>>,
    balancer: LoadBalancer,
    random: Rc<Random>,
    connect_timeout: Duration,
    idle_timeout: Option<Duration>,
    max_requests_per_connection: u32,
    tls: Option<UpstreamTlsContext>,
    stats: Arc<ClusterStats>,
    counters: UpstreamStats,
    codes: ResponseCodeStats,
    hosts: Hosts,
    /// A connection came back, has room for a stream again, or was closed: those that wait may try
    /// again, each at its own endpoint.
    freed: Notify,
    /// How many managers have it.
    managers: Cell<usize>,
}

/// A response's head and body, and the connection it came on.
pub(crate) type Answer = (Response<UpstreamResponseBody>, Rc<ConnectionFacts>);

impl Cluster {
    /// Returns the scheme of requests that do not say one.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Returns the endpoint for the next request.
    pub(crate) fn choose_endpoint(&self) -> Option<Rc<Endpoint>> {
        let endpoints = Rc::clone(&self.endpoints.borrow());
        self.balancer.choose(&endpoints, &self.random)
    }

    /// Returns the number of endpoints there are now.
    pub(crate) fn endpoint_count(&self) -> usize {
        self.endpoints.borrow().len()
    }

    /// Sends a request to an endpoint and waits for the head of the response.
    ///
    /// A pooled connection that turns out to be closed before anything was written is replaced;
    /// nothing else is tried again. The request is taken out of where it lies: it is large, and
    /// a future that owned it would be copied with it.
    pub(crate) async fn send(
        self: &Rc<Self>,
        endpoint: &Rc<Endpoint>,
        request: &mut Request<UpstreamBody>,
    ) -> Result<Answer, UpstreamError> {
        if !self.stats.may_start_request() {
            return Err(UpstreamError::Overflow);
        }
        let lease = Lease::new(self, endpoint);
        match self.protocol {
            UpstreamProtocol::Http1 => self.send_http1(lease, endpoint, request).await,
            UpstreamProtocol::Http2 => self.send_http2(lease, endpoint, request).await,
        }
    }

    async fn send_http1(
        self: &Rc<Self>,
        mut lease: Lease,
        endpoint: &Rc<Endpoint>,
        request: &mut Request<UpstreamBody>,
    ) -> Result<Answer, UpstreamError> {
        loop {
            let mut connection = match endpoint.take_idle() {
                Some(connection) => connection,
                // Boxed: connecting is rare, and its state would be carried along by every request.
                None => Box::pin(self.wait_for_http1(endpoint)).await?,
            };
            let (facts, is_fresh) = (Rc::clone(&connection.facts), connection.served == 0);
            let unsent = std::mem::take(request);
            let sending = connection.sender.try_send_request(unsent);
            lease.hold(connection);
            match sending.await {
                Ok(response) => return Ok((with_lease(response, lease), facts)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_fresh => *request = unsent,
                    _ => return Err(UpstreamError::from_hyper(error.into_error())),
                },
            }
        }
    }

    async fn send_http2(
        self: &Rc<Self>,
        mut lease: Lease,
        endpoint: &Rc<Endpoint>,
        request: &mut Request<UpstreamBody>,
    ) -> Result<Answer, UpstreamError> {
        loop {
            let (mut connection, is_fresh) = match endpoint.http2(self.max_requests_per_connection)
            {
                Some(open) => (open, false),
                None => Box::pin(self.wait_for_http2(endpoint)).await?,
            };
            let usage = &connection.usage;
            usage.served.set(usage.served.get().saturating_add(1));
            usage.used.set(Instant::now());
            lease.join(usage);
            let unsent = std::mem::take(request);
            match connection.sender.try_send_request(unsent).await {
                Ok(response) => return Ok((with_lease(response, lease), connection.facts)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_fresh => *request = unsent,
                    _ => return Err(UpstreamError::from_hyper(error.into_error())),
                },
            }
        }
    }

    /// Returns a new connection, or one that came back while the limit stood in the way.
    async fn wait_for_http1(
        self: &Rc<Self>,
        endpoint: &Rc<Endpoint>,
    ) -> Result<Box<Http1Connection>, UpstreamError> {
        if !self.stats.may_wait() {
            self.counters.upstream_rq_pending_overflow.inc();
            return Err(UpstreamError::Overflow);
        }
        self.counters.upstream_rq_pending_total.inc();
        let _waiting = Waiting::new(&self.stats);
        while !self.stats.may_connect() {
            self.freed.notified().await;
            if let Some(connection) = endpoint.take_idle() {
                return Ok(connection);
            }
        }
        let closed = self.open_connection(endpoint);
        let (transport, facts) = self.connect(endpoint).await?;
        Http1Connection::start(transport, facts, closed).await
    }

    /// Returns a connection that streams share, made by whoever comes first when there is none, or
    /// none with room. Without room and at the limit of connections it waits for a stream to end.
    async fn wait_for_http2(
        self: &Rc<Self>,
        endpoint: &Rc<Endpoint>,
    ) -> Result<(Http2Connection, bool), UpstreamError> {
        if !self.stats.may_wait() {
            self.counters.upstream_rq_pending_overflow.inc();
            return Err(UpstreamError::Overflow);
        }
        self.counters.upstream_rq_pending_total.inc();
        let _waiting = Waiting::new(&self.stats);
        // The gate is never closed.
        let _turn = endpoint.http2_gate.acquire().await.ok();
        loop {
            if let Some(open) = endpoint.http2(self.max_requests_per_connection) {
                return Ok((open, false));
            }
            // As in Envoy an endpoint's first connection may go beyond the limit.
            if self.stats.may_connect() || !endpoint.has_http2() {
                break;
            }
            self.freed.notified().await;
        }
        let closed = self.open_connection(endpoint);
        let (transport, facts) = self.connect(endpoint).await?;
        let connection = Http2Connection::start(transport, facts, closed).await?;
        endpoint.add_http2(connection.clone());
        Ok((connection, true))
    }

    /// Counts how a request to an endpoint ended.
    pub(crate) fn count_response(&self, endpoint: &Endpoint, status: u16, took: Option<Duration>) {
        self.codes.count(status);
        if let Some(took) = took {
            self.codes
                .record_time(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
        let is_error = status >= 500;
        let host = &endpoint.stats;
        if is_error {
            host.rq_error.inc();
        } else {
            host.rq_success.inc();
        }
    }

    /// Counts a request whose route's timeout has passed.
    pub(crate) fn count_timeout(&self, endpoint: &Endpoint) {
        self.counters.upstream_rq_timeout.inc();
        endpoint.stats.rq_timeout.inc();
    }

    async fn connect(
        &self,
        endpoint: &Endpoint,
    ) -> Result<(crate::transport::Transport, ConnectionFacts), UpstreamError> {
        let started = Instant::now();
        let connecting = connect::connect(endpoint, self.tls.as_ref());
        let connected = tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .unwrap_or(Err(UpstreamError::ConnectTimeout));
        if let Err(error) = &connected {
            endpoint.stats.cx_connect_fail.inc();
            self.counters.upstream_cx_connect_fail.inc();
            if matches!(error, UpstreamError::ConnectTimeout) {
                self.counters.upstream_cx_connect_timeout.inc();
            }
        }
        if let Ok((_, facts)) = &connected {
            facts.connect_time.set(started.elapsed());
        }
        connected
    }

    /// Counts a connection until what it returns is dropped.
    fn open_connection(self: &Rc<Self>, endpoint: &Endpoint) -> OpenConnection {
        self.stats.connection_opened();
        self.counters.upstream_cx_total.inc();
        self.counters.upstream_cx_active.inc();
        match self.protocol {
            UpstreamProtocol::Http1 => self.counters.upstream_cx_http1_total.inc(),
            UpstreamProtocol::Http2 => self.counters.upstream_cx_http2_total.inc(),
        }
        endpoint.stats.cx_total.inc();
        endpoint.stats.cx_active.inc();
        OpenConnection {
            cluster: Rc::clone(self),
            host: Arc::clone(&endpoint.stats),
        }
    }

    /// Nothing new will come: lets go of the endpoints, and so of idle connections. Requests that
    /// have one keep it to their end.
    fn retire(&self) {
        self.endpoints.replace(Rc::default());
    }

    /// Closes connections that were idle for too long.
    pub(crate) fn close_idle(&self, now: Instant) {
        let Some(timeout) = self.idle_timeout else {
            return;
        };
        for endpoint in self.endpoints.borrow().iter() {
            endpoint.close_idle(now, timeout);
        }
    }
}

fn with_lease(
    response: Response<hyper::body::Incoming>,
    lease: Lease,
) -> Response<UpstreamResponseBody> {
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    response.map(|incoming| {
        if switches {
            UpstreamResponseBody::switching(incoming, lease)
        } else {
            UpstreamResponseBody::new(incoming, lease)
        }
    })
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A request that waits for a connection.
struct Waiting<'a>(&'a ClusterStats);

impl<'a> Waiting<'a> {
    fn new(stats: &'a ClusterStats) -> Self {
        stats.wait_started();
        Self(stats)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.wait_ended();
    }
}

/// An open connection, or one that is being made.
struct OpenConnection {
    cluster: Rc<Cluster>,
    host: Arc<HostStats>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.cluster.stats.connection_closed();
        self.cluster.counters.upstream_cx_active.dec();
        self.cluster.counters.upstream_cx_destroy.inc();
        self.host.cx_active.dec();
        self.cluster.freed.notify_waiters();
    }
}
