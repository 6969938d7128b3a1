//! `Listener` and `FilterChain`: where connections arrive and which filters they get.

use std::net::SocketAddr;

use crate::{DownstreamTls, HttpConnectionManager, PluginConfig, ProtoMessage, TcpProxy};

/// A listening socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Name; Envoy's default is a generated one, ours the address.
    pub name: String,
    /// Address to bind. Port 0 takes any free port.
    pub address: SocketAddr,
    /// Chains in order; the best match serves a connection.
    pub filter_chains: Vec<FilterChain>,
    /// Chain for connections that match no other.
    pub default_filter_chain: Option<FilterChain>,
    /// `per_connection_buffer_limit_bytes`, by default 1 MiB.
    pub per_connection_buffer_limit_bytes: usize,
    /// `traffic_direction`: 0 unspecified, 1 inbound, 2 outbound.
    pub traffic_direction: i32,
    /// `metadata`, which plugins can read.
    pub metadata: ProtoMessage,
}

/// The filters of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterChain {
    /// Name; may be empty.
    pub name: String,
    /// Which connections the chain is for.
    pub matches: FilterChainMatch,
    /// TLS towards the client.
    pub tls: Option<DownstreamTls>,
    /// Plugins that see the bytes before the last filter does, in the order of the file.
    pub plugins: Vec<PluginConfig>,
    /// The terminal network filter.
    pub filter: NetworkFilter,
}

/// Criteria of a chain; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterChainMatch {
    /// SNI values, exact or `*.suffix`, in lower case.
    pub server_names: Vec<String>,
    /// `tls` or `raw_buffer`; `None` for any.
    pub transport_protocol: Option<String>,
    /// ALPN values such as `h2`.
    pub application_protocols: Vec<String>,
}

/// What serves a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkFilter {
    /// `envoy.filters.network.http_connection_manager`.
    HttpConnectionManager(Box<HttpConnectionManager>),
    /// `envoy.filters.network.tcp_proxy`.
    TcpProxy(Box<TcpProxy>),
}
