//! The hostcalls about a stream: properties, maps, bodies, resume, local response.

use std::ops::Range;
use std::rc::Rc;

use tollgate::native::{HostResult, LocalReply, StreamHost};
use tollgate_abi::{BufferType, MapType, StreamType, pairs};
use tollgate_runtime::{
    Direction, Header, HttpCallResponse, HttpHost, PropertyDeclaration, StreamMap, TcpHost, TcpPeer,
};

use super::host::{Delivery, NativeHost};
use super::{BAD_ARGUMENT, NOT_FOUND};
use crate::model::{Connection, GrpcDelivery};

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
        let declaration = PropertyDeclaration::default();
        let set = match (self.acting(), self.acting_connection()) {
            (Some(entry), _) => entry.stream.set_property(path, value, &declaration),
            (None, Some(entry)) => entry.connection.set_property(path, value, &declaration),
            (None, None) => return Err(NOT_FOUND),
        };
        set.map_err(tollgate_abi::Status::to_u32)
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
        let bytes = self.buffer(buffer)?;
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
        self.replace(buffer, (start, size), data)
            .ok_or(BAD_ARGUMENT)
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
        self.close(stream);
        Ok(())
    }

    fn send_local_response(&self, reply: &LocalReply<'_>) -> HostResult<()> {
        if self.injected("proxy_send_local_response")?.is_some() {
            return Ok(());
        }
        self.reply(reply);
        Ok(())
    }

    fn set_map_pairs(&self, map: MapType, pairs: &[u8]) -> HostResult<()> {
        if self.injected("proxy_set_header_map_pairs")?.is_some() {
            return Ok(());
        }
        let map = stream_map(map).ok_or(BAD_ARGUMENT)?;
        let stream = self.writable(map)?;
        // Malformed bytes read as an empty map, as in Envoy.
        let entries = pairs::decode(pairs).unwrap_or_default();
        let names = entries.iter().map(|(name, _)| name.to_ascii_lowercase());
        let names: Vec<_> = names.collect();
        let lowered = names.iter().zip(&entries);
        let lowered: Vec<(&[u8], &[u8])> = lowered
            .map(|(name, (_, value))| (name.as_slice(), *value))
            .collect();
        stream.map_set(map, &lowered);
        Ok(())
    }

    fn map_size(&self, map: MapType) -> HostResult<usize> {
        if self.injected("proxy_get_header_map_size")?.is_some() {
            return Ok(0);
        }
        let map = stream_map(map).ok_or(BAD_ARGUMENT)?;
        Ok(self.writable(map)?.map_byte_size(map))
    }

    fn buffer_size(&self, buffer: BufferType) -> HostResult<usize> {
        if self.injected("proxy_get_buffer_status")?.is_some() {
            return Ok(0);
        }
        self.buffer(buffer).map(|bytes| bytes.len())
    }
}

impl NativeHost {
    /// What a buffer holds now; one that is not available is empty.
    fn buffer(&self, buffer: BufferType) -> HostResult<Vec<u8>> {
        Ok(match buffer {
            BufferType::HttpRequestBody => self.body(Direction::Request),
            BufferType::HttpResponseBody => self.body(Direction::Response),
            BufferType::DownstreamData => self.data(TcpPeer::Downstream),
            BufferType::UpstreamData => self.data(TcpPeer::Upstream),
            BufferType::HttpCallResponseBody => match &*self.callout.borrow() {
                Some(HttpCallResponse::Complete { body, .. }) => body.to_vec(),
                _ => return Err(NOT_FOUND),
            },
            BufferType::PluginConfiguration => {
                self.configuration.borrow().clone().ok_or(NOT_FOUND)?
            }
            BufferType::VmConfiguration => {
                let plugin = self.worker.world.plugin.borrow();
                plugin.vm_configuration.clone()
            }
            BufferType::GrpcReceiveBuffer => match &*self.delivery.borrow() {
                Some(Delivery::Grpc(GrpcDelivery::Message(message))) => message.to_vec(),
                _ => Vec::new(),
            },
            BufferType::CallData => match &*self.delivery.borrow() {
                Some(Delivery::Addresses(addresses)) => addresses.clone(),
                _ => Vec::new(),
            },
        })
    }

    /// Replaces bytes; `None` when the buffer cannot be changed so.
    fn replace(
        &self,
        buffer: BufferType,
        (start, size): (usize, usize),
        data: &[u8],
    ) -> Option<()> {
        let direction = match buffer {
            BufferType::HttpRequestBody => Direction::Request,
            BufferType::HttpResponseBody => Direction::Response,
            BufferType::DownstreamData => {
                return self.replace_data(TcpPeer::Downstream, (start, size), data);
            }
            BufferType::UpstreamData => {
                return self.replace_data(TcpPeer::Upstream, (start, size), data);
            }
            _ => return None,
        };
        let entry = self.acting()?;
        let stream = entry.access.has_body(direction).then_some(entry.stream)?;
        let range = replaced(stream.body_len(direction), start, size)?;
        stream.body_replace(direction, range, data);
        Some(())
    }

    fn open_data(&self, from: TcpPeer) -> Option<Rc<Connection>> {
        let entry = self.acting_connection()?;
        let is_open = match from {
            TcpPeer::Downstream => entry.opens_downstream,
            TcpPeer::Upstream => entry.opens_upstream,
        };
        is_open.then_some(entry.connection)
    }

    fn data(&self, from: TcpPeer) -> Vec<u8> {
        let connection = self.open_data(from);
        connection.map_or_else(Vec::new, |connection| {
            connection.data(from).borrow().clone()
        })
    }

    fn replace_data(
        &self,
        from: TcpPeer,
        (start, size): (usize, usize),
        data: &[u8],
    ) -> Option<()> {
        let connection = self.open_data(from)?;
        let range = replaced(connection.data_len(from), start, size)?;
        connection.data_replace(from, range, data);
        Some(())
    }

    fn body(&self, direction: Direction) -> Vec<u8> {
        let entry = self
            .acting()
            .filter(|entry| entry.access.has_body(direction));
        entry.map_or_else(Vec::new, |entry| {
            entry.stream.side(direction).body.borrow().clone()
        })
    }

    fn callout_map(&self, map: MapType) -> HostResult<Vec<Header>> {
        match (&*self.delivery.borrow(), map) {
            (
                Some(Delivery::Grpc(GrpcDelivery::InitialMetadata(found))),
                MapType::GrpcReceiveInitialMetadata,
            )
            | (
                Some(Delivery::Grpc(GrpcDelivery::TrailingMetadata(found))),
                MapType::GrpcReceiveTrailingMetadata,
            ) => return Ok(found.clone()),
            _ => {}
        }
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
