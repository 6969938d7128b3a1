//! `TcpProxy`: a connection that is passed on as bytes.

use std::time::Duration;

use crate::AccessLog;

/// `envoy.filters.network.tcp_proxy`.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpProxy {
    /// Prefix of this proxy's statistics: `tcp.<stat_prefix>.`.
    pub stat_prefix: String,
    /// Where connections go: one cluster, or several by weight. Never empty.
    pub clusters: Vec<TcpCluster>,
    /// Whether they are chosen by weight, even if there is only one.
    pub by_weight: bool,
    /// Time without bytes either way after which a connection is closed; `None` for never.
    pub idle_timeout: Option<Duration>,
    /// Longest life of a connection; `None` for any.
    pub max_downstream_connection_duration: Option<Duration>,
    /// Connections to the upstream that are tried before the client's is closed.
    pub max_connect_attempts: u32,
    /// Access logs.
    pub access_log: Vec<AccessLog>,
}

/// A cluster that connections go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpCluster {
    /// Its name.
    pub name: String,
    /// Its share of connections.
    pub weight: u32,
}
