//! Reads real `envoy.yaml` files into checked, plain structs.
//!
//! A file goes through three stages: Envoy's own schema, by descriptors (what Envoy refuses is
//! refused, with `file:line path: reason`); the subset that Tollgate implements (what is valid but
//! not implemented is refused or, on request, reported); and the structs below, which need no
//! further checks. Names and units are Envoy's.
#![forbid(unsafe_code)]

mod access_log;
mod bootstrap;
mod cluster;
mod data_source;
mod http_connection_manager;
mod listener;
mod plugin;
mod route_configuration;
mod tls;

pub use access_log::{AccessLog, AccessLogSink};
pub use bootstrap::{Bootstrap, Node};
pub use cluster::{Cluster, ClusterDiscovery, Endpoint, HostAddress, LbPolicy, UpstreamProtocol};
pub use data_source::DataSource;
pub use http_connection_manager::{
    CodecType, HttpConnectionManager, HttpFilter, HttpFilterKind, ServerHeaderTransformation,
};
pub use listener::{FilterChain, FilterChainMatch, Listener, NetworkFilter};
pub use plugin::{FailurePolicy, PluginConfig, ReloadConfig, VmConfig};
pub use route_configuration::{
    ClusterSpecifier, DirectResponse, HeaderMatcher, HeaderMutation, HeaderAppendAction, HostRewrite,
    PathMatch, PathRewrite, PerFilter, QueryParameterMatcher, Redirect, Route, RouteAction,
    RouteActionKind, RouteConfiguration, RouteMatch, StringMatcher, VirtualHost, WeightedCluster,
};
pub use tls::{Certificate, DownstreamTls, UpstreamTls};
