//! `ConnectionHost`: a TCP connection as a plugin's guest reaches it.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::BytesMut;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{LifeSpan, PropertyDeclaration, PropertyResult, TcpHost, TcpPeer};

use super::http_host::declared_object;
use super::known_state;
use super::properties::{self, ProxyFacts};
use super::vm::Paused;
use crate::filter::Direction;
use crate::network::{ConnectionState, End};

/// One connection for one plugin. It lives as long as the connection's context in the VM.
pub(super) struct ConnectionHost {
    pub(super) state: Rc<ConnectionState>,
    /// The filter's place in the chain.
    index: usize,
    facts: Rc<ProxyFacts>,
}

impl ConnectionHost {
    pub(super) fn new(state: Rc<ConnectionState>, index: usize, facts: Rc<ProxyFacts>) -> Rc<Self> {
        Rc::new(Self {
            state,
            index,
            facts,
        })
    }
}

const fn direction(from: TcpPeer) -> Direction {
    match from {
        TcpPeer::Downstream => Direction::Request,
        TcpPeer::Upstream => Direction::Response,
    }
}

impl TcpHost for ConnectionHost {
    fn data_len(&self, from: TcpPeer) -> usize {
        self.state.data(direction(from)).borrow().len()
    }

    fn data_read(&self, from: TcpPeer, range: Range<usize>, out: &mut Vec<u8>) {
        let data = self.state.data(direction(from)).borrow();
        out.extend_from_slice(data.get(range).unwrap_or_default());
    }

    fn data_replace(&self, from: TcpPeer, range: Range<usize>, new: &[u8]) {
        let mut data = self.state.data(direction(from)).borrow_mut();
        if range.start == data.len() {
            return data.extend_from_slice(new);
        }
        let end = range.end.min(data.len());
        let behind = data.split_off(end);
        data.truncate(range.start);
        let mut whole = BytesMut::with_capacity(data.len() + new.len() + behind.len());
        whole.extend_from_slice(&data);
        whole.extend_from_slice(new);
        whole.extend_from_slice(&behind);
        *data = whole;
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::stream_property(&self.state.stream, &self.facts, path)
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        let (object, scope) = declared_object(value, declaration);
        let key = [b"wasm.", path].concat();
        self.state.stream.filter_state.set(&key, object, scope)
    }

    fn set_filter_state(
        &self,
        key: &[u8],
        value: &[u8],
        life_span: LifeSpan,
    ) -> Result<(), Status> {
        known_state::set(&self.state.stream, key, value, life_span)
    }

    fn continue_downstream(&self) {
        self.state.resume(self.index);
    }

    fn close(&self, _asked: TcpPeer) {
        self.state.close(End::Plugin);
    }
}

impl Paused for ConnectionHost {
    fn end_wait(&self, goes_on: bool) {
        if goes_on {
            self.state.resume(self.index);
        } else {
            self.state.close(End::Plugin);
        }
    }
}

impl fmt::Debug for ConnectionHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionHost")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
