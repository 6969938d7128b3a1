//! Filter state: values by name, which outlive the callback and which other filters see.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tollgate_runtime::PropertyValue;

/// The values of a stream or a connection, by their whole keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterState(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);

impl FilterState {
    pub(crate) fn set(&self, key: &[u8], value: &[u8]) {
        self.0.borrow_mut().insert(key.to_vec(), value.to_vec());
    }

    /// Sets what a plugin knows by this path, and others by `wasm.` and the path.
    pub(crate) fn set_property(&self, path: &[u8], value: &[u8]) {
        self.set(&own_key(path), value);
    }

    pub(crate) fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.borrow().get(key).cloned()
    }

    /// Answers a property's path that leads here.
    pub(crate) fn property(&self, path: &[&[u8]]) -> Option<PropertyValue> {
        let value = match path {
            [name] => self.value(&own_key(name)),
            [b"filter_state", key] => self.value(key),
            _ => None,
        };
        value.map(PropertyValue::Bytes)
    }
}

fn own_key(path: &[u8]) -> Vec<u8> {
    [b"wasm.", path].concat()
}
