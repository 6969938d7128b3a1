//! `xds.node`: who this proxy says it is.

use bytes::Bytes;
use tollgate_config::Node;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

/// The node, ready to be asked for.
#[derive(Debug)]
pub(in crate::wasm) struct NodeProperties {
    id: String,
    cluster: String,
    metadata: serde_json::Value,
    message: Bytes,
}

impl NodeProperties {
    pub(in crate::wasm) fn new(node: &Node) -> Self {
        Self {
            id: node.id.clone(),
            cluster: node.cluster.clone(),
            metadata: node.metadata.clone(),
            message: node.message.clone(),
        }
    }

    pub(super) fn property(&self, path: &[&[u8]]) -> PropertyResult {
        let Some((name, rest)) = path.split_first() else {
            return Ok(PropertyValue::Message(self.message.to_vec()));
        };
        let value = match *name {
            b"id" => PropertyValue::text(&self.id),
            b"cluster" => PropertyValue::text(&self.cluster),
            b"metadata" => return metadata(&self.metadata, rest),
            _ => return Err(Status::NotFound),
        };
        value.descend(rest)
    }
}

/// The metadata is a `Struct`; without any it is an empty map.
fn metadata(value: &serde_json::Value, path: &[&[u8]]) -> PropertyResult {
    match from_json(value) {
        PropertyValue::Null => PropertyValue::Map(Vec::new()).descend(path),
        value => value.descend(path),
    }
}

fn from_json(value: &serde_json::Value) -> PropertyValue {
    match value {
        serde_json::Value::Null => PropertyValue::Null,
        serde_json::Value::Bool(flag) => PropertyValue::Bool(*flag),
        serde_json::Value::Number(number) => {
            PropertyValue::Double(number.as_f64().unwrap_or_default())
        }
        serde_json::Value::String(string) => PropertyValue::text(string),
        serde_json::Value::Array(elements) => {
            PropertyValue::List(elements.iter().map(from_json).collect())
        }
        serde_json::Value::Object(fields) => {
            let fields = fields.iter();
            let pair = |(key, value): (&String, &_)| (key.clone().into_bytes(), from_json(value));
            PropertyValue::Map(fields.map(pair).collect())
        }
    }
}
