//! Bootstrap: one whole configuration file.

use std::net::SocketAddr;

use crate::{Cluster, Listener, ProtoMessage};

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
    /// The whole message as JSON with the field names of the file, without secrets.
    pub source: serde_json::Value,
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
