//! Bootstrap: one whole configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{
    AccessLog, Cluster, Discovery, HttpFilterKind, Listener, NetworkFilter, PluginConfig,
    ProtoMessage,
};

/// Everything one file configures.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// Who this proxy says it is (`xds.node`).
    pub node: Node,
    /// Where the admin interface listens, if it does.
    pub admin: Option<SocketAddr>,
    /// Listeners in the order of the file.
    pub listeners: Vec<Listener>,
    /// Clusters in the order of the file.
    pub clusters: Vec<Cluster>,
    /// Plugins that serve no stream (`envoy.bootstrap.wasm`), in the order of the file.
    pub wasm_services: Vec<WasmService>,
    /// The whole message as JSON with the field names of the file, without secrets.
    pub source: serde_json::Value,
    /// The files that are named in it, in order.
    pub files: Vec<PathBuf>,
    /// Filters that are discovered in files of their own, in order.
    pub discoveries: Vec<Discovery>,
}

impl Bootstrap {
    /// Iterates over all plugins: those of services, then chain by chain, in the order in which the
    /// proxy starts them.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginConfig> {
        let chains = self.listeners.iter().flat_map(|listener| {
            listener
                .filter_chains
                .iter()
                .chain(&listener.default_filter_chain)
        });
        let in_chains = chains.flat_map(|chain| {
            let (filters, logs) = match &chain.filter {
                NetworkFilter::HttpConnectionManager(manager) => {
                    (manager.http_filters.as_slice(), &manager.access_log)
                }
                NetworkFilter::TcpProxy(proxy) => ([].as_slice(), &proxy.access_log),
            };
            let filters = filters.iter().filter_map(|filter| match &filter.kind {
                HttpFilterKind::Wasm(plugin) => Some(plugin),
                HttpFilterKind::Router { .. } => None,
            });
            let logs = logs.iter().filter_map(|log| match log {
                AccessLog::Wasm(plugin) => Some(&**plugin),
                AccessLog::Text(_) => None,
            });
            filters.chain(logs).chain(&chain.plugins)
        });
        let services = self.wasm_services.iter();
        services.map(|service| &service.plugin).chain(in_chains)
    }
}

/// `envoy.extensions.wasm.v3.WasmService`: a plugin without streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmService {
    /// The plugin.
    pub plugin: PluginConfig,
    /// Whether it runs once for the process, and not on every worker.
    pub singleton: bool,
}

/// The node's identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// `node.id`.
    pub id: String,
    /// `node.cluster`.
    pub cluster: String,
    /// `node.metadata` as JSON.
    pub metadata: serde_json::Value,
    /// The `envoy.config.core.v3.Node` message for `xds.node`.
    pub message: ProtoMessage,
}
