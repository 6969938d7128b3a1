//! Connection: one TCP connection in memory, as both engines' hosts show it to a filter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use tollgate_abi::{Status, property};
use tollgate_runtime::{
    LifeSpan, PropertyDeclaration, PropertyResult, PropertyValue, TcpHost, TcpPeer,
};

/// One connection: what the filter sees of both ends, properties, and what it did.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Data from the client that the filter has not let pass.
    pub(crate) from_client: RefCell<Vec<u8>>,
    pub(crate) from_upstream: RefCell<Vec<u8>>,
    pub(crate) properties: RefCell<BTreeMap<Vec<u8>, PropertyValue>>,
    pub(crate) filter_state: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// The filter asked to go on.
    pub(crate) is_continued: Cell<bool>,
    /// The filter closed the connection.
    pub(crate) is_closed: Cell<bool>,
}

impl Connection {
    pub(crate) const fn data(&self, from: TcpPeer) -> &RefCell<Vec<u8>> {
        match from {
            TcpPeer::Downstream => &self.from_client,
            TcpPeer::Upstream => &self.from_upstream,
        }
    }
}

impl TcpHost for Connection {
    fn data_len(&self, from: TcpPeer) -> usize {
        self.data(from).borrow().len()
    }

    fn data_read(&self, from: TcpPeer, range: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.data(from).borrow().get(range).unwrap_or_default());
    }

    fn data_replace(&self, from: TcpPeer, range: Range<usize>, data: &[u8]) {
        self.data(from)
            .borrow_mut()
            .splice(range, data.iter().copied());
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        let joined = property::join(path);
        if let Some(value) = self.properties.borrow().get(&joined) {
            return Ok(value.clone());
        }
        let key = match path {
            [name] => *name,
            [b"filter_state", name] => name.strip_prefix(b"wasm.").unwrap_or(name),
            _ => return Err(Status::NotFound),
        };
        let state = self.filter_state.borrow();
        let value = state.get(key).cloned();
        value.map(PropertyValue::Bytes).ok_or(Status::NotFound)
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        _declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        self.filter_state
            .borrow_mut()
            .insert(path.to_vec(), value.to_vec());
        Ok(())
    }

    fn set_filter_state(
        &self,
        key: &[u8],
        value: &[u8],
        _life_span: LifeSpan,
    ) -> Result<(), Status> {
        self.filter_state
            .borrow_mut()
            .insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn continue_downstream(&self) {
        self.is_continued.set(true);
    }

    fn close(&self, _asked: TcpPeer) {
        self.is_closed.set(true);
    }
}
