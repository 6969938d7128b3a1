//! `ProxyFacts`: what properties tell beyond a stream: the node and the clusters.

use std::fmt;
use std::rc::Rc;

use tollgate_config::{ProtoMessage, ProtoPathError, ProtoValue};
use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

use crate::cluster::Cluster;
use crate::wasm::current_clusters::CurrentClusters;

/// The node, and the clusters where there are any: a canary has none.
pub(in crate::wasm) struct ProxyFacts {
    node: ProtoMessage,
    clusters: Option<Rc<CurrentClusters>>,
}

impl ProxyFacts {
    pub(in crate::wasm) fn new(node: &ProtoMessage, clusters: Option<Rc<CurrentClusters>>) -> Self {
        Self {
            node: node.clone(),
            clusters,
        }
    }

    /// `xds.node`.
    pub(super) fn node(&self, path: &[&[u8]]) -> PropertyResult {
        message(&self.node, path)
    }

    pub(super) fn cluster(&self, name: &str) -> Option<Rc<Cluster>> {
        self.clusters.as_ref()?.get(name)
    }
}

impl fmt::Debug for ProxyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyFacts").finish_non_exhaustive()
    }
}

/// Returns what a path leads to within a message.
pub(super) fn message(message: &ProtoMessage, path: &[&[u8]]) -> PropertyResult {
    match message.find(path) {
        Ok(value) => Ok(property(value)),
        Err(ProtoPathError::NotFound) => Err(Status::NotFound),
        Err(ProtoPathError::Unreadable) => Err(Status::SerializationFailure),
    }
}

fn property(value: ProtoValue) -> PropertyValue {
    match value {
        ProtoValue::Null => PropertyValue::Null,
        ProtoValue::Bool(flag) => PropertyValue::Bool(flag),
        ProtoValue::Int(number) => PropertyValue::Int(number),
        ProtoValue::Uint(number) => PropertyValue::Uint(number),
        ProtoValue::Double(number) => PropertyValue::Double(number),
        ProtoValue::Bytes(bytes) => PropertyValue::Bytes(bytes.into()),
        ProtoValue::Timestamp(nanos) => PropertyValue::Timestamp(nanos),
        ProtoValue::Duration(nanos) => PropertyValue::Duration(nanos),
        ProtoValue::Message(bytes) => PropertyValue::Message(bytes.into()),
        ProtoValue::Map(entries) => {
            let entries = entries.into_iter();
            PropertyValue::Map(entries.map(|(key, held)| (key, property(held))).collect())
        }
        ProtoValue::List(items) => PropertyValue::List(items.into_iter().map(property).collect()),
    }
}
