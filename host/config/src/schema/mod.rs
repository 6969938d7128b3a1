//! The first stage: a file against Envoy's own schema.
//!
//! The schema is a descriptor set cut from Envoy's public protos (see `descriptors/README.md`), read
//! with reflection, so that no generated code is needed and what Envoy refuses is refused.

mod any;
mod base64;
mod decode;
mod rules;
mod scalar;
mod suggest;
mod well_known;

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

pub(crate) use decode::{decode, key_text};
pub(crate) use rules::check;
pub(crate) use suggest::hint;

use crate::{ConfigError, ErrorKind};

static POOL: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    let bytes = include_bytes!("../../descriptors/envoy.binpb");
    DescriptorPool::decode(bytes.as_slice()).map_err(|error| error.to_string())
});

/// A decoded file.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) root: DynamicMessage,
    /// What `Any` fields hold, by the fields' paths.
    pub(crate) packed: HashMap<String, Packed>,
}

/// The message inside an `Any`.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) message: DynamicMessage,
    /// Where its fields stand: with the `Any`'s, or below `value`.
    pub(crate) path: String,
}

/// Returns the descriptor of a message by its full name.
pub(crate) fn descriptor(name: &str) -> Result<MessageDescriptor, ConfigError> {
    let fault = |reason| ConfigError {
        file: "built-in schema".to_owned(),
        line: None,
        path: name.to_owned(),
        reason,
        kind: ErrorKind::Schema,
    };
    let pool = POOL.as_ref().map_err(|reason| fault(reason.clone()))?;
    pool.get_message_by_name(name)
        .ok_or_else(|| fault("not in the set".to_owned()))
}

/// Appends a field to a path.
pub(crate) fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}
