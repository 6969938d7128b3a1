//! `filter_state.*`, and what plugins set with `set_property`.

use tollgate_runtime::{PropertyResult, PropertyValue};

use super::{attribute, scalar, some};
use crate::filter::StreamState;

pub(super) fn property(state: &StreamState, path: &[&[u8]]) -> PropertyResult {
    let (key, rest) = attribute(path)?;
    let value = state.filter_state.get(key);
    let value = value.map(|object| PropertyValue::Bytes(object.value.to_vec()));
    scalar(some(value)?, rest)
}

/// A name that is no namespace is a plugin's own.
pub(super) fn wasm_property(state: &StreamState, name: &[u8], rest: &[&[u8]]) -> PropertyResult {
    let key = [b"wasm.", name].concat();
    property(state, &[&[key.as_slice()], rest].concat())
}
