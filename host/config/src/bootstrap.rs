//! Bootstrap: one whole configuration file.

use std::net::SocketAddr;

use crate::{Cluster, Listener, PluginConfig, ProtoMessage};

/// Everything one file configures.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Default)]
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
