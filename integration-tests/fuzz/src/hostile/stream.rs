//! A stream or connection made of vectors, which insists on what the runtime promises its embedders.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use tollgate_runtime::abi::Status;
use tollgate_runtime::{
    Direction, HeaderVisitor, HttpHost, LifeSpan, LocalResponse, PropertyDeclaration,
    PropertyResult, StreamMap, TcpHost, TcpPeer,
};

use super::services::property;
use crate::Source;

/// Most entries of a map and bytes of a body: a proxy has such limits, too.
const MAX_ENTRIES: usize = 4096;
const MAX_BODY: usize = 1 << 20;

type Map = Vec<(Vec<u8>, Vec<u8>)>;

/// An HTTP stream, or a TCP connection without its maps.
#[derive(Debug)]
pub(crate) struct Stream {
    source: Rc<Source>,
    maps: RefCell<[Option<Map>; 4]>,
    bodies: RefCell<[Vec<u8>; 2]>,
}

impl Stream {
    pub(crate) fn new(source: Rc<Source>) -> Self {
        let maps = [
            some_map(&source),
            some_map(&source),
            some_map(&source),
            some_map(&source),
        ];
        Self {
            source,
            maps: RefCell::new(maps),
            bodies: RefCell::default(),
        }
    }

    /// More of a body arrives.
    pub(super) fn grow_body(&self, direction: Direction) {
        let bytes = self.source.some_bytes();
        self.bodies.borrow_mut()[direction as usize].extend(bytes);
    }

    fn change(&self, map: StreamMap, act: impl FnOnce(&mut Map)) {
        let mut maps = self.maps.borrow_mut();
        let entries = maps[map as usize].get_or_insert_default();
        act(entries);
        entries.truncate(MAX_ENTRIES);
    }

    fn read<T>(&self, map: StreamMap, read: impl FnOnce(&Map) -> T) -> T {
        let maps = self.maps.borrow();
        match &maps[map as usize] {
            Some(entries) => read(entries),
            None => read(&Map::new()),
        }
    }
}

/// A map, or none.
fn some_map(source: &Source) -> Option<Map> {
    source.flag().then(|| {
        (0..source.below(4))
            .map(|_| (source.some_bytes(), source.some_bytes()))
            .collect()
    })
}

impl HttpHost for Stream {
    fn has_map(&self, map: StreamMap) -> bool {
        self.maps.borrow()[map as usize].is_some()
    }

    fn map_len(&self, map: StreamMap) -> usize {
        self.read(map, Vec::len)
    }

    fn map_byte_size(&self, map: StreamMap) -> usize {
        self.read(map, |entries| {
            entries
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum()
        })
    }

    fn map_value(&self, map: StreamMap, name: &[u8], out: &mut Vec<u8>) -> bool {
        self.read(map, |entries| {
            let found = entries.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| out.extend_from_slice(value))
                .is_some()
        })
    }

    fn map_entries(&self, map: StreamMap, visit: HeaderVisitor<'_>) {
        self.read(map, |entries| {
            entries.iter().for_each(|(name, value)| visit(name, value));
        });
    }

    fn map_add(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.change(map, |entries| entries.push((name.to_vec(), value.to_vec())));
    }

    fn map_replace(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.map_remove(map, name);
        self.map_add(map, name, value);
    }

    fn map_remove(&self, map: StreamMap, name: &[u8]) {
        self.change(map, |entries| entries.retain(|(key, _)| key != name));
    }

    fn map_set(&self, map: StreamMap, entries: &[(&[u8], &[u8])]) {
        let entries = entries
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        self.change(map, |all| *all = entries.collect());
    }

    fn body_len(&self, direction: Direction) -> usize {
        self.bodies.borrow()[direction as usize].len()
    }

    fn body_read(&self, direction: Direction, range: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bodies.borrow()[direction as usize][range]);
    }

    fn body_replace(&self, direction: Direction, range: Range<usize>, data: &[u8]) {
        let mut bodies = self.bodies.borrow_mut();
        let body = &mut bodies[direction as usize];
        body.splice(range, data.iter().copied());
        body.truncate(MAX_BODY);
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        property(&self.source, path)
    }

    fn set_property(
        &self,
        _: &[u8],
        _: &[u8],
        declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        match declaration.read_only {
            true => Err(Status::BadArgument),
            false => Ok(()),
        }
    }

    fn set_filter_state(&self, key: &[u8], _: &[u8], _: LifeSpan) -> Result<(), Status> {
        match key.is_empty() {
            true => Err(Status::NotFound),
            false => Ok(()),
        }
    }

    fn clear_route_cache(&self) {}

    fn continue_stream(&self, _: Direction) {}

    fn close_stream(&self) {}

    fn send_local_response(&self, response: LocalResponse) {
        assert!(
            response
                .headers
                .iter()
                .all(|(name, _)| !name.starts_with(b":")),
            "a pseudo-header reached the embedder"
        );
        assert!(
            !response
                .details
                .contains(|c: char| c.is_ascii_whitespace() || c == '\x0b'),
            "whitespace reached the embedder"
        );
    }
}

fn side(from: TcpPeer) -> Direction {
    match from {
        TcpPeer::Downstream => Direction::Request,
        TcpPeer::Upstream => Direction::Response,
    }
}

impl TcpHost for Stream {
    fn data_len(&self, from: TcpPeer) -> usize {
        self.body_len(side(from))
    }

    fn data_read(&self, from: TcpPeer, range: Range<usize>, out: &mut Vec<u8>) {
        self.body_read(side(from), range, out);
    }

    fn data_replace(&self, from: TcpPeer, range: Range<usize>, data: &[u8]) {
        self.body_replace(side(from), range, data);
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        property(&self.source, path)
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        HttpHost::set_property(self, path, value, declaration)
    }

    fn continue_downstream(&self) {}

    fn close(&self, _: TcpPeer) {}
}
