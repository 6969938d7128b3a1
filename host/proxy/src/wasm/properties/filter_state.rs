//! `filter_state.*`, and what plugins set with `set_property`.

use tollgate_config::ProtoMessage;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

use super::facts::message;
use super::{attribute, some};
use crate::filter::{ObjectKind, StateObject, StreamState};

pub(super) fn property(state: &StreamState, path: &[&[u8]]) -> PropertyResult {
    let (key, rest) = attribute(path)?;
    match state.filter_state.get(key) {
        Some(object) => of_object(object, rest),
        None => some(None),
    }
}

/// A name that is no namespace is a plugin's own.
pub(super) fn wasm_property(state: &StreamState, name: &[u8], rest: &[&[u8]]) -> PropertyResult {
    let key = [b"wasm.", name].concat();
    match state.filter_state.get(&key) {
        Some(object) => of_object(object, rest),
        None => some(None),
    }
}

/// A whole value is its bytes, whatever they are; a part of one is looked up by its type.
fn of_object(object: StateObject, path: &[&[u8]]) -> PropertyResult {
    if path.is_empty() {
        return Ok(PropertyValue::Bytes(object.value.into()));
    }
    match object.kind {
        ObjectKind::Plain | ObjectKind::FlatBuffer(_) => some(None),
        ObjectKind::Message(type_url) => {
            let url = String::from_utf8_lossy(&type_url);
            match ProtoMessage::decode(&url, &object.value) {
                Some(value) => message(&value, path),
                None => Err(Status::NotFound),
            }
        }
    }
}
