//! `StreamHost`: a stream as a plugin's guest reaches it, over what the filters of a chain share.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use smallvec::SmallVec;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{
    Direction, HttpHost, LifeSpan, LocalResponse, PropertyDeclaration, PropertyResult,
    PropertyType, StreamMap,
};

use super::known_state;
use super::properties::{self, ProxyFacts};
use super::vm::Paused;
use crate::filter::{
    self, FilterPort, HeaderTable, LocalReply, ObjectKind, StateObject, StateScope, StreamState,
};
use crate::http::local_response::{failed_plugin, plugin_status};
use crate::http::response_flags::ResponseFlags;

/// One stream for one plugin. It lives as long as the stream's context in the VM.
pub(super) struct StreamHost {
    pub(super) state: Rc<StreamState>,
    pub(super) port: FilterPort,
    facts: Rc<ProxyFacts>,
}

impl StreamHost {
    pub(super) fn new(state: Rc<StreamState>, facts: Rc<ProxyFacts>) -> Rc<Self> {
        Rc::new(Self {
            state,
            port: FilterPort::default(),
            facts,
        })
    }

    fn read<T>(&self, map: StreamMap, look: impl FnOnce(&HeaderTable) -> T) -> Option<T> {
        match map {
            StreamMap::RequestHeaders => Some(look(&self.state.request_headers.borrow())),
            StreamMap::RequestTrailers => self.state.request_trailers.borrow().as_deref().map(look),
            StreamMap::ResponseHeaders => self.state.response_headers.borrow().as_ref().map(look),
            StreamMap::ResponseTrailers => {
                self.state.response_trailers.borrow().as_deref().map(look)
            }
        }
    }

    fn write(&self, map: StreamMap, change: impl FnOnce(&mut HeaderTable)) {
        let empty = http::HeaderMap::new;
        match map {
            StreamMap::RequestHeaders => change(&mut self.state.request_headers.borrow_mut()),
            StreamMap::ResponseHeaders => {
                // Response headers cannot be made up: without a response there is nothing to change.
                if let Some(table) = self.state.response_headers.borrow_mut().as_mut() {
                    change(table);
                }
            }
            StreamMap::RequestTrailers => {
                change(
                    self.state
                        .request_trailers
                        .borrow_mut()
                        .get_or_insert_with(|| Box::new(HeaderTable::request_trailers(empty()))),
                );
            }
            StreamMap::ResponseTrailers => {
                change(
                    self.state
                        .response_trailers
                        .borrow_mut()
                        .get_or_insert_with(|| Box::new(HeaderTable::response_trailers(empty()))),
                );
            }
        }
    }
}

impl fmt::Debug for StreamHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHost")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Paused for StreamHost {
    fn end_wait(&self, goes_on: bool) {
        let waits = self.port.request.is_paused() || self.port.response.is_paused();
        if goes_on {
            self.state.resume(&self.port, filter::Direction::Request);
            self.state.resume(&self.port, filter::Direction::Response);
        } else if waits {
            self.state.send_local_reply(failed_plugin());
        }
    }
}

const fn side(direction: Direction) -> filter::Direction {
    match direction {
        Direction::Request => filter::Direction::Request,
        Direction::Response => filter::Direction::Response,
    }
}

/// Returns what a plugin sets as the filter state keeps it.
pub(super) fn declared_object(
    value: &[u8],
    declaration: &PropertyDeclaration,
) -> (StateObject, StateScope) {
    let schema = declaration.schema.clone();
    let object = StateObject {
        value: Bytes::copy_from_slice(value),
        kind: match declaration.kind {
            PropertyType::Bytes | PropertyType::String => ObjectKind::Plain,
            PropertyType::FlatBuffers => ObjectKind::FlatBuffer(schema),
            PropertyType::Protobuf => ObjectKind::Message(schema),
        },
        read_only: declaration.read_only,
    };
    (object, scope(declaration.life_span))
}

/// There are no internal redirects, so that a filter chain lives as long as its request.
pub(super) const fn scope(life_span: LifeSpan) -> StateScope {
    match life_span {
        LifeSpan::FilterChain | LifeSpan::Request => StateScope::Stream,
        LifeSpan::Connection => StateScope::Connection,
    }
}

impl HttpHost for StreamHost {
    fn has_map(&self, map: StreamMap) -> bool {
        self.read(map, |_| ()).is_some()
    }

    fn map_len(&self, map: StreamMap) -> usize {
        self.read(map, HeaderTable::len).unwrap_or_default()
    }

    fn map_byte_size(&self, map: StreamMap) -> usize {
        self.read(map, HeaderTable::byte_size).unwrap_or_default()
    }

    fn map_value(&self, map: StreamMap, name: &[u8], out: &mut Vec<u8>) -> bool {
        let copy = |table: &HeaderTable| {
            table
                .get_bytes(name)
                .map(|value| out.extend_from_slice(value))
                .is_some()
        };
        self.read(map, copy).unwrap_or_default()
    }

    fn map_entries(&self, map: StreamMap, visit: &mut dyn FnMut(&[u8], &[u8])) {
        self.read(map, |table| table.entries(visit));
    }

    fn map_add(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.write(map, |table| table.add(name, value));
    }

    fn map_replace(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.write(map, |table| table.replace(name, value));
    }

    fn map_remove(&self, map: StreamMap, name: &[u8]) {
        self.write(map, |table| table.remove(name));
    }

    fn map_set(&self, map: StreamMap, entries: &[(&[u8], &[u8])]) {
        self.write(map, |table| table.set(entries));
    }

    fn body_len(&self, direction: Direction) -> usize {
        self.port.lane(side(direction)).body.borrow().len()
    }

    fn body_read(&self, direction: Direction, range: Range<usize>, out: &mut Vec<u8>) {
        self.port
            .lane(side(direction))
            .body
            .borrow()
            .read(range, out);
    }

    fn body_replace(&self, direction: Direction, range: Range<usize>, data: &[u8]) {
        self.port
            .lane(side(direction))
            .body
            .borrow_mut()
            .replace(range, data);
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::stream_property(&self.state, &self.facts, path)
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        let (object, scope) = declared_object(value, declaration);
        let mut key = SmallVec::<[u8; 64]>::from_slice(b"wasm.");
        key.extend_from_slice(path);
        self.state.filter_state.set(&key, object, scope)
    }

    fn set_filter_state(
        &self,
        key: &[u8],
        value: &[u8],
        life_span: LifeSpan,
    ) -> Result<(), Status> {
        known_state::set(&self.state, key, value, life_span)
    }

    fn clear_route_cache(&self) {
        self.state.route.clear();
    }

    fn request_header_changed(&self, name: &[u8]) {
        self.state.route.header_changed(name);
    }

    fn continue_stream(&self, direction: Direction) {
        self.state.resume(&self.port, side(direction));
    }

    fn close_stream(&self) {
        self.state.info.set_details_if_none("wasm_close_stream");
        self.state.reset();
    }

    fn send_local_response(&self, response: LocalResponse) {
        self.state.send_local_reply(LocalReply {
            status: plugin_status(response.status),
            headers: response.headers,
            body: response.body,
            details: response.details.into(),
            flags: ResponseFlags::default(),
            grpc_status: response.grpc_status,
        });
    }
}
