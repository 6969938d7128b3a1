//! Connection: one TCP connection in memory, as both engines' hosts show it to a filter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use tollgate_abi::{Status, property};
use tollgate_runtime::{
    LifeSpan, PropertyDeclaration, PropertyResult, PropertyValue, TcpHost, TcpPeer,
};

use super::FilterState;

/// One connection: what the filter sees of both ends, properties, and what it did.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Data from the client that the filter has not let pass.
    pub(crate) from_client: RefCell<Vec<u8>>,
    pub(crate) from_upstream: RefCell<Vec<u8>>,
    pub(crate) properties: RefCell<BTreeMap<Vec<u8>, PropertyValue>>,
    pub(crate) filter_state: FilterState,
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
        self.filter_state.property(path).ok_or(Status::NotFound)
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        _declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        self.filter_state.set_property(path, value);
        Ok(())
    }

    fn set_filter_state(
        &self,
        key: &[u8],
        value: &[u8],
        _life_span: LifeSpan,
    ) -> Result<(), Status> {
        self.filter_state.set(key, value);
        Ok(())
    }

    fn continue_downstream(&self) {
        self.is_continued.set(true);
    }

    fn close(&self, _asked: TcpPeer) {
        self.is_closed.set(true);
    }
}
