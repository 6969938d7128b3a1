//! Cluster: upstream endpoints and how to talk to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::{ProtoMessage, UpstreamTls};

/// A named group of endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Name.
    pub name: String,
    /// How endpoints are found.
    pub discovery: ClusterDiscovery,
    /// How one is chosen.
    pub lb_policy: LbPolicy,
    /// Time for a connection to be made, TLS included; by default 5 seconds.
    pub connect_timeout: Duration,
    /// Endpoints.
    pub endpoints: Vec<Endpoint>,
    /// What is spoken.
    pub protocol: UpstreamProtocol,
    /// TLS towards the upstream.
    pub tls: Option<UpstreamTls>,
    /// `circuit_breakers` of the default priority: connections, by default 1024.
    pub max_connections: u32,
    /// Requests waiting for a connection, by default 1024.
    pub max_pending_requests: u32,
    /// Requests at once, by default 1024.
    pub max_requests: u32,
    /// Requests on one connection before it is closed; `None` for no limit.
    pub max_requests_per_connection: Option<u32>,
    /// Idle time of an upstream connection; by default one hour.
    pub idle_timeout: Option<Duration>,
    /// How often names are looked up (`STRICT_DNS`); by default 5 seconds.
    pub dns_refresh_rate: Duration,
    /// Which kinds of addresses a name may resolve to.
    pub dns_lookup_family: DnsLookupFamily,
    /// Whether trailers are sent and kept on HTTP/1 connections (`enable_trailers`).
    pub http1_trailers: bool,
    /// `per_connection_buffer_limit_bytes`, by default 1 MiB.
    pub per_connection_buffer_limit_bytes: usize,
    /// `metadata`, which plugins can read.
    pub metadata: ProtoMessage,
}

/// `type` of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterDiscovery {
    /// Addresses as written.
    Static,
    /// Every address that the names resolve to, again and again.
    StrictDns,
}

/// `lb_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LbPolicy {
    /// In turn, by weight.
    RoundRobin,
    /// The less busy of two at random.
    LeastRequest,
    /// At random.
    Random,
}

/// `dns_lookup_family`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsLookupFamily {
    /// IPv6, and IPv4 only when there is none.
    Auto,
    /// IPv4 only.
    V4Only,
    /// IPv6 only.
    V6Only,
    /// IPv4, and IPv6 only when there is none.
    V4Preferred,
    /// Both.
    All,
}

/// Protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge, or by ALPN over TLS.
    Http2,
}

/// One configured endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Where it is.
    pub address: HostAddress,
    /// `hostname`, for `auto_host_rewrite`; empty when not given.
    pub hostname: String,
    /// `load_balancing_weight`, by default 1.
    pub weight: u32,
    /// Whether `health_status` allows traffic.
    pub healthy: bool,
    /// What plugins can read about it.
    pub attributes: Arc<EndpointAttributes>,
}

/// What plugins can read about an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointAttributes {
    /// Its `metadata`, if it has any.
    pub metadata: Option<ProtoMessage>,
    /// `metadata` of its locality's endpoints, if there is any.
    pub locality_metadata: Option<ProtoMessage>,
    /// Its locality.
    pub locality: ProtoMessage,
}

/// An address as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A name to resolve, and a port.
    Name(String, u16),
}
