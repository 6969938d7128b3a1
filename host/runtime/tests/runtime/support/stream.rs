//! `FakeStream`: an HTTP stream made of vectors.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use tollgate_runtime::abi::Status;
use tollgate_runtime::{
    Direction, HeaderVisitor, HttpHost, LocalResponse, PropertyDeclaration, PropertyResult,
    PropertyValue, StreamMap,
};

/// Names and values in order.
pub(crate) type Map = Vec<(Vec<u8>, Vec<u8>)>;

pub(crate) fn header(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

#[derive(Default)]
pub(crate) struct FakeStream {
    maps: RefCell<[Option<Map>; 4]>,
    pub(crate) bodies: RefCell<[Vec<u8>; 2]>,
    pub(crate) properties: RefCell<Map>,
    pub(crate) effects: RefCell<Vec<String>>,
    pub(crate) responses: RefCell<Vec<LocalResponse>>,
    pub(crate) route_clears: Cell<u32>,
}

impl FakeStream {
    pub(crate) fn with_request(headers: &[(&str, &str)]) -> Self {
        let stream = Self::default();
        stream.put(StreamMap::RequestHeaders, headers);
        stream
    }

    pub(crate) fn put(&self, map: StreamMap, entries: &[(&str, &str)]) {
        let entries = entries
            .iter()
            .map(|(name, value)| header(name, value))
            .collect();
        self.maps.borrow_mut()[map as usize] = Some(entries);
    }

    pub(crate) fn map(&self, map: StreamMap) -> Map {
        self.maps.borrow()[map as usize].clone().unwrap_or_default()
    }

    pub(crate) fn put_body(&self, direction: Direction, body: &str) {
        self.bodies.borrow_mut()[direction as usize] = body.as_bytes().to_vec();
    }

    pub(crate) fn body(&self, direction: Direction) -> String {
        String::from_utf8(self.bodies.borrow()[direction as usize].clone()).unwrap()
    }

    fn change(&self, map: StreamMap, act: impl FnOnce(&mut Map)) {
        act(self.maps.borrow_mut()[map as usize].get_or_insert_default());
    }

    fn did(&self, effect: &str) {
        self.effects.borrow_mut().push(effect.to_owned());
    }
}

impl HttpHost for FakeStream {
    fn has_map(&self, map: StreamMap) -> bool {
        self.maps.borrow()[map as usize].is_some()
    }

    fn map_len(&self, map: StreamMap) -> usize {
        self.map(map).len()
    }

    fn map_byte_size(&self, map: StreamMap) -> usize {
        self.map(map)
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    fn map_value(&self, map: StreamMap, name: &[u8], out: &mut Vec<u8>) -> bool {
        let entries = self.map(map);
        let found = entries.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| out.extend_from_slice(value))
            .is_some()
    }

    fn map_entries(&self, map: StreamMap, visit: HeaderVisitor<'_>) {
        self.map(map)
            .iter()
            .for_each(|(name, value)| visit(name, value));
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
        self.bodies.borrow_mut()[direction as usize].splice(range, data.iter().copied());
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        match path {
            [b"request", b"path"] => Ok(PropertyValue::text("/from-host")),
            [b"request", b"size"] => Ok(PropertyValue::Int(443)),
            [b"request", b"total_size"] => {
                let headers = self.map_byte_size(StreamMap::RequestHeaders);
                Ok(PropertyValue::Int(443 + i64::try_from(headers).unwrap()))
            }
            [b"request", b"headers"] => Ok(PropertyValue::Map(vec![(
                b"a".to_vec(),
                PropertyValue::text("b"),
            )])),
            [b"request"] => Err(Status::SerializationFailure),
            [b"connection", b"mtls"] => Ok(PropertyValue::Bool(true)),
            [name] => {
                let properties = self.properties.borrow();
                let found = properties.iter().find(|(key, _)| key == name);
                found
                    .map(|(_, value)| PropertyValue::Bytes(value.clone()))
                    .ok_or(Status::NotFound)
            }
            _ => Err(Status::NotFound),
        }
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        _declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        self.properties
            .borrow_mut()
            .push((path.to_vec(), value.to_vec()));
        Ok(())
    }

    fn clear_route_cache(&self) {
        self.route_clears.set(self.route_clears.get() + 1);
    }

    fn continue_stream(&self, direction: Direction) {
        self.did(&format!("continue {direction:?}"));
    }

    fn close_stream(&self) {
        self.did("close");
    }

    fn send_local_response(&self, response: LocalResponse) {
        self.did(&format!("reply {}", response.status));
        self.responses.borrow_mut().push(response);
    }
}
