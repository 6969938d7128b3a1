//! Looking a property up: what the runtime answers itself, and what depends on a header map.

use tollgate_abi::{GrpcStatus, Status};

use crate::PropertyValue;
use crate::context::{Context, HttpContext, MapState};
use crate::host::{PropertyResult, StreamMap};
use crate::vm::VmState;

/// Returns the property of the context that acts.
pub(crate) fn find(state: &VmState, path: &[&[u8]]) -> PropertyResult {
    if let Some(value) = of_plugin(state, path) {
        return value;
    }
    if let Some(Context::Tcp(tcp)) = state.contexts.get(state.acting()) {
        // TCP has no header maps.
        return match reading(path) {
            Some(reading) => reading.without_map(),
            None => tcp.host.property(path),
        };
    }
    match state.acting_http() {
        // A root that logs a stream has no connection of its own.
        Some(_) if acts_as_root(state) && matches!(path, [b"connection_id", ..]) => {
            Err(Status::NotFound)
        }
        Some(http) => of_stream(http, path),
        None => state.services.property(path),
    }
}

/// Whether a root acts. It has a stream only while it logs one, which it cannot change.
fn acts_as_root(state: &VmState) -> bool {
    matches!(state.contexts.get(state.acting()), Some(Context::Root(_)))
}

/// The plugin's own names, which must be there even while its root context is created.
fn of_plugin(state: &VmState, path: &[&[u8]]) -> Option<PropertyResult> {
    let (first, rest) = path.split_first()?;
    let (_, root) = state.acting_root()?;
    let text = match *first {
        b"plugin_name" => &root.plugin.name,
        b"plugin_root_id" => &root.plugin.root_id,
        b"plugin_vm_id" => &state.common.config.vm_id,
        _ => return None,
    };
    Some(PropertyValue::text(text).descend(rest))
}

/// What is read from a header map is there only while that map is; sizes count what is there.
fn of_stream(http: &HttpContext, path: &[&[u8]]) -> PropertyResult {
    match path {
        [b"request", b"total_size"] => counted(http, path, &[StreamMap::RequestHeaders]),
        [b"request", b"size"] if !is_readable(http, StreamMap::RequestHeaders) => {
            let received = [b"request".as_slice(), b"total_size"];
            counted(http, &received, &[StreamMap::RequestHeaders])
        }
        [b"response", b"total_size"] => {
            let maps = [StreamMap::ResponseHeaders, StreamMap::ResponseTrailers];
            counted(http, path, &maps)
        }
        [b"response", b"grpc_status"] => grpc_status(http, path),
        path => match reading(path) {
            Some(reading) if !is_readable(http, reading.map) => reading.without_map(),
            _ => http.host.property(path),
        },
    }
}

/// Leaves out of a size the maps that are not there.
fn counted(http: &HttpContext, path: &[&[u8]], maps: &[StreamMap]) -> PropertyResult {
    let value = http.host.property(path)?;
    let PropertyValue::Int(size) = value else {
        return Ok(value);
    };
    let absent = maps.iter().filter(|map| !is_readable(http, **map));
    let absent: usize = absent.map(|map| http.host.map_byte_size(*map)).sum();
    let absent = i64::try_from(absent).unwrap_or(i64::MAX);
    Ok(PropertyValue::Int(size.saturating_sub(absent)))
}

/// Without headers and trailers the status is the one that fits the response's code.
fn grpc_status(http: &HttpContext, path: &[&[u8]]) -> PropertyResult {
    let is_readable = |map| is_readable(http, map);
    if is_readable(StreamMap::ResponseHeaders) || is_readable(StreamMap::ResponseTrailers) {
        return http.host.property(path);
    }
    let PropertyValue::Int(code) = http.host.property(&[b"response", b"code"])? else {
        return Err(Status::NotFound);
    };
    let status = GrpcStatus::from_http(u16::try_from(code).unwrap_or_default());
    Ok(PropertyValue::Int(i64::from(status.to_u32())))
}

/// A path that is read from a header map, and what it answers while the map is not there.
struct Reading {
    map: StreamMap,
    absent: Absent,
}

enum Absent {
    Nothing,
    EmptyMap,
    NoBytes,
}

impl Reading {
    fn without_map(&self) -> PropertyResult {
        match self.absent {
            Absent::Nothing => Err(Status::NotFound),
            Absent::EmptyMap => Ok(PropertyValue::Map(Vec::new())),
            Absent::NoBytes => Ok(PropertyValue::Int(0)),
        }
    }
}

fn reading(path: &[&[u8]]) -> Option<Reading> {
    let reading = |map, absent| Some(Reading { map, absent });
    let whole = |rest: &[&[u8]]| {
        if rest.is_empty() {
            Absent::EmptyMap
        } else {
            Absent::Nothing
        }
    };
    match path {
        [b"request", part, rest @ ..] => match *part {
            b"path" | b"url_path" | b"query" | b"host" | b"scheme" | b"method" | b"referer"
            | b"useragent" | b"id" => reading(StreamMap::RequestHeaders, Absent::Nothing),
            b"headers" => reading(StreamMap::RequestHeaders, whole(rest)),
            b"headers_bytes" => reading(StreamMap::RequestHeaders, Absent::NoBytes),
            _ => None,
        },
        [b"response", part, rest @ ..] => match *part {
            b"headers" => reading(StreamMap::ResponseHeaders, whole(rest)),
            b"trailers" => reading(StreamMap::ResponseTrailers, whole(rest)),
            b"headers_bytes" => reading(StreamMap::ResponseHeaders, Absent::NoBytes),
            _ => None,
        },
        _ => None,
    }
}

fn is_readable(http: &HttpContext, map: StreamMap) -> bool {
    match http.access.map(map, http.host.as_ref()) {
        MapState::Open | MapState::ReadOnly => true,
        MapState::Creatable | MapState::Closed => false,
    }
}
