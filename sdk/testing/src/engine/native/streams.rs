//! The hostcalls about a stream: properties, maps, bodies, resume, local response.

use std::ops::Range;

use tollgate::native::{HostResult, LocalReply, StreamHost};
use tollgate_abi::{BufferType, MapType, StreamType, pairs};
use tollgate_runtime::{
    Direction, Header, HttpCallResponse, HttpHost, PropertyDeclaration, StreamMap,
};

use super::host::{Effect, NativeHost, direction};
use super::{BAD_ARGUMENT, NOT_FOUND};

impl StreamHost for NativeHost {
    fn property(&self, path: &[u8]) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_get_property")? {
            return Ok(bytes);
        }
        let value = self.lookup(path).and_then(|value| value.encode());
        value.map_err(tollgate_abi::Status::to_u32)
    }

    fn set_property(&self, path: &[u8], value: &[u8]) -> HostResult<()> {
        if self.injected("proxy_set_property")?.is_some() {
            return Ok(());
        }
        let entry = self.acting().ok_or(NOT_FOUND)?;
        entry
            .stream
            .set_property(path, value, &PropertyDeclaration::default())
            .map_err(tollgate_abi::Status::to_u32)
    }

    fn map_value(&self, map: MapType, name: &[u8]) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_get_header_map_value")? {
            return Ok(bytes);
        }
        let name = name.to_ascii_lowercase();
        let Some(map) = stream_map(map) else {
            let headers = self.callout_map(map)?;
            let header = headers.into_iter().find(|(key, _)| key.as_ref() == name);
            return header.map(|(_, value)| value.to_vec()).ok_or(NOT_FOUND);
        };
        let mut value = Vec::new();
        let found = self.readable(map)?.map_value(map, &name, &mut value);
        if found { Ok(value) } else { Err(NOT_FOUND) }
    }

    fn map_pairs(&self, map: MapType) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_get_header_map_pairs")? {
            return Ok(bytes);
        }
        let mut entries = Vec::new();
        let mut collect = |name: &[u8], value: &[u8]| entries.push((name.to_vec(), value.to_vec()));
        let of_stream = stream_map(map);
        // A map that is not there reads as an empty one.
        if let Some((map, Ok(stream))) = of_stream.map(|map| (map, self.readable(map))) {
            stream.map_entries(map, &mut collect);
        } else if of_stream.is_none() {
            for (name, value) in self.callout_map(map).unwrap_or_default() {
                collect(&name, &value);
            }
        }
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        Ok(pairs::encode(
            entries.iter().map(|(name, value)| (name, value)),
        ))
    }

    fn map_add(&self, map: MapType, name: &[u8], value: &[u8]) -> HostResult<()> {
        if self.injected("proxy_add_header_map_value")?.is_some() {
            return Ok(());
        }
        let map = stream_map(map).ok_or(BAD_ARGUMENT)?;
        self.writable(map)?
            .map_add(map, &name.to_ascii_lowercase(), value);
        Ok(())
    }

    fn map_replace(&self, map: MapType, name: &[u8], value: &[u8]) -> HostResult<()> {
        if self.injected("proxy_replace_header_map_value")?.is_some() {
            return Ok(());
        }
        let map = stream_map(map).ok_or(BAD_ARGUMENT)?;
        self.writable(map)?
            .map_replace(map, &name.to_ascii_lowercase(), value);
        Ok(())
    }

    fn map_remove(&self, map: MapType, name: &[u8]) -> HostResult<()> {
        if self.injected("proxy_remove_header_map_value")?.is_some() {
            return Ok(());
        }
        let map = stream_map(map).ok_or(BAD_ARGUMENT)?;
        self.writable(map)?
            .map_remove(map, &name.to_ascii_lowercase());
        Ok(())
    }

    fn buffer_bytes(&self, buffer: BufferType, start: usize, max: usize) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_get_buffer_bytes")? {
            return Ok(bytes);
        }
        let bytes = match buffer {
            BufferType::HttpRequestBody => self.body(Direction::Request),
            BufferType::HttpResponseBody => self.body(Direction::Response),
            BufferType::HttpCallResponseBody => match &*self.callout.borrow() {
                Some(HttpCallResponse::Complete { body, .. }) => body.to_vec(),
                _ => return Err(NOT_FOUND),
            },
            BufferType::PluginConfiguration => {
                self.configuration.borrow().clone().ok_or(NOT_FOUND)?
            }
            _ => Vec::new(),
        };
        let start = start.min(bytes.len());
        let end = start.saturating_add(max).min(bytes.len());
        Ok(bytes.get(start..end).unwrap_or_default().to_vec())
    }

    fn set_buffer_bytes(
        &self,
        buffer: BufferType,
        start: usize,
        size: usize,
        data: &[u8],
    ) -> HostResult<()> {
        if self.injected("proxy_set_buffer_bytes")?.is_some() {
            return Ok(());
        }
        let direction = match buffer {
            BufferType::HttpRequestBody => Direction::Request,
            BufferType::HttpResponseBody => Direction::Response,
            _ => return Err(BAD_ARGUMENT),
        };
        let entry = self
            .acting()
            .filter(|entry| entry.access.has_body(direction));
        let stream = entry.ok_or(BAD_ARGUMENT)?.stream;
        let range = replaced(stream.body_len(direction), start, size).ok_or(BAD_ARGUMENT)?;
        stream.body_replace(direction, range, data);
        Ok(())
    }

    fn continue_stream(&self, stream: StreamType) -> HostResult<()> {
        if self.injected("proxy_continue_stream")?.is_some() {
            return Ok(());
        }
        self.resume(stream)
    }

    fn close_stream(&self, stream: StreamType) -> HostResult<()> {
        if self.injected("proxy_close_stream")?.is_some() {
            return Ok(());
        }
        direction(stream)?;
        self.effects
            .borrow_mut()
            .push(Effect::Close(self.effective.get()));
        Ok(())
    }

    fn send_local_response(&self, reply: &LocalReply<'_>) -> HostResult<()> {
        if self.injected("proxy_send_local_response")?.is_some() {
            return Ok(());
        }
        self.reply(reply);
        Ok(())
    }
}

impl NativeHost {
    fn body(&self, direction: Direction) -> Vec<u8> {
        let entry = self
            .acting()
            .filter(|entry| entry.access.has_body(direction));
        entry.map_or_else(Vec::new, |entry| {
            entry.stream.side(direction).body.borrow().clone()
        })
    }

    fn callout_map(&self, map: MapType) -> HostResult<Vec<Header>> {
        match (&*self.callout.borrow(), map) {
            (
                Some(HttpCallResponse::Complete { headers, .. }),
                MapType::HttpCallResponseHeaders,
            ) => Ok(headers.clone()),
            (
                Some(HttpCallResponse::Complete { trailers, .. }),
                MapType::HttpCallResponseTrailers,
            ) => Ok(trailers.clone()),
            _ => Err(BAD_ARGUMENT),
        }
    }
}

/// The bytes that a write replaces: Envoy knows the start, the end and all, but not the middle.
fn replaced(len: usize, start: usize, size: usize) -> Option<Range<usize>> {
    match start {
        0 => Some(0..size.min(len)),
        start if start >= len => Some(len..len),
        _ => None,
    }
}

const fn stream_map(map: MapType) -> Option<StreamMap> {
    match map {
        MapType::HttpRequestHeaders => Some(StreamMap::RequestHeaders),
        MapType::HttpRequestTrailers => Some(StreamMap::RequestTrailers),
        MapType::HttpResponseHeaders => Some(StreamMap::ResponseHeaders),
        MapType::HttpResponseTrailers => Some(StreamMap::ResponseTrailers),
        _ => None,
    }
}
