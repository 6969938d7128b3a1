//! Stream: one exchange in memory, as both engines' hosts show it to a filter.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use tollgate_abi::{Status, property};
use tollgate_runtime::{
    Direction, HttpHost, LifeSpan, LocalResponse, PropertyDeclaration, PropertyResult,
    PropertyValue, StreamMap,
};

use super::FilterState;
use super::table::Table;

/// One exchange: maps, the visible part of the bodies, properties, and what the filter did to it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) request: Side,
    pub(crate) response: Side,
    pub(crate) properties: RefCell<BTreeMap<Vec<u8>, PropertyValue>>,
    pub(crate) filter_state: FilterState,
    pub(crate) is_closed: Cell<bool>,
    pub(crate) local_response: RefCell<Option<LocalResponse>>,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) headers: RefCell<Option<Table>>,
    pub(crate) trailers: RefCell<Option<Table>>,
    /// What the filter sees of the body now.
    pub(crate) body: RefCell<Vec<u8>>,
    /// The filter asked to go on.
    pub(crate) is_continued: Cell<bool>,
}

impl Stream {
    pub(crate) const fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    const fn map(&self, map: StreamMap) -> &RefCell<Option<Table>> {
        match map {
            StreamMap::RequestHeaders => &self.request.headers,
            StreamMap::RequestTrailers => &self.request.trailers,
            StreamMap::ResponseHeaders => &self.response.headers,
            StreamMap::ResponseTrailers => &self.response.trailers,
        }
    }

    /// Changes a map, making it if it does not exist.
    fn change(&self, map: StreamMap, act: impl FnOnce(&mut Table)) {
        act(self.map(map).borrow_mut().get_or_insert_default());
    }

    fn header(&self, map: StreamMap, name: &[u8]) -> Option<PropertyValue> {
        let table = self.map(map).borrow();
        table
            .as_ref()?
            .get(name)
            .map(|value| PropertyValue::Bytes(value.to_vec()))
    }

    /// Envoy's attributes that follow from the exchange itself.
    fn derived(&self, path: &[&[u8]]) -> Option<PropertyValue> {
        let request = |name: &[u8]| self.header(StreamMap::RequestHeaders, name);
        match path {
            [b"request", b"path"] => request(b":path"),
            [b"request", b"method"] => request(b":method"),
            [b"request", b"host"] => request(b":authority"),
            [b"request", b"scheme"] => request(b":scheme"),
            [b"request", b"id"] => request(b"x-request-id"),
            [b"request", b"useragent"] => request(b"user-agent"),
            [b"request", b"referer"] => request(b"referer"),
            [b"request", b"url_path"] => request(b":path").map(|path| part(path, true)),
            [b"request", b"query"] => request(b":path").map(|path| part(path, false)),
            [b"request", b"headers", name] => request(name),
            [b"response", b"headers", name] => self.header(StreamMap::ResponseHeaders, name),
            [b"response", b"code"] => {
                let status = self.header(StreamMap::ResponseHeaders, b":status")?;
                let PropertyValue::Bytes(status) = status else {
                    return None;
                };
                std::str::from_utf8(&status)
                    .ok()?
                    .parse()
                    .ok()
                    .map(PropertyValue::Int)
            }
            _ => self.filter_state.property(path),
        }
    }
}

/// The part of a path before or after the question mark.
fn part(path: PropertyValue, before: bool) -> PropertyValue {
    let PropertyValue::Bytes(path) = path else {
        return path;
    };
    let mut parts = path.splitn(2, |byte| *byte == b'?');
    let (first, second) = (parts.next(), parts.next());
    PropertyValue::Bytes(
        if before { first } else { second }
            .unwrap_or_default()
            .to_vec(),
    )
}

impl HttpHost for Stream {
    fn has_map(&self, map: StreamMap) -> bool {
        self.map(map).borrow().is_some()
    }

    fn map_len(&self, map: StreamMap) -> usize {
        self.map(map)
            .borrow()
            .as_ref()
            .map_or(0, |table| table.entries().len())
    }

    fn map_byte_size(&self, map: StreamMap) -> usize {
        let mut size = 0;
        self.map_entries(map, &mut |name, value| size += name.len() + value.len());
        size
    }

    fn map_value(&self, map: StreamMap, name: &[u8], out: &mut Vec<u8>) -> bool {
        let table = self.map(map).borrow();
        let value = table.as_ref().and_then(|table| table.get(name));
        value.map(|value| out.extend_from_slice(value)).is_some()
    }

    fn map_entries(&self, map: StreamMap, visit: &mut dyn FnMut(&[u8], &[u8])) {
        if let Some(table) = self.map(map).borrow().as_ref() {
            for (name, value) in table.entries() {
                visit(name, value);
            }
        }
    }

    fn map_add(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.change(map, |table| table.add(name, value));
    }

    fn map_replace(&self, map: StreamMap, name: &[u8], value: &[u8]) {
        self.change(map, |table| table.replace(name, value));
    }

    fn map_remove(&self, map: StreamMap, name: &[u8]) {
        self.change(map, |table| table.remove(name));
    }

    fn map_set(&self, map: StreamMap, entries: &[(&[u8], &[u8])]) {
        self.change(map, |table| table.set(entries));
    }

    fn body_len(&self, direction: Direction) -> usize {
        self.side(direction).body.borrow().len()
    }

    fn body_read(&self, direction: Direction, range: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(
            self.side(direction)
                .body
                .borrow()
                .get(range)
                .unwrap_or_default(),
        );
    }

    fn body_replace(&self, direction: Direction, range: Range<usize>, data: &[u8]) {
        self.side(direction)
            .body
            .borrow_mut()
            .splice(range, data.iter().copied());
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        let joined = property::join(path);
        if let Some(value) = self.properties.borrow().get(&joined) {
            return Ok(value.clone());
        }
        self.derived(path).ok_or(Status::NotFound)
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

    fn clear_route_cache(&self) {}

    fn continue_stream(&self, direction: Direction) {
        self.side(direction).is_continued.set(true);
    }

    fn close_stream(&self) {
        self.is_closed.set(true);
    }

    fn send_local_response(&self, response: LocalResponse) {
        self.local_response.borrow_mut().get_or_insert(response);
    }
}
