//! Header maps: the stream's own, and those of a callout's response.

use std::rc::Rc;

use tollgate_abi::{AbiVersion, MapType, Status, pairs};

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::context::{GrpcEvent, MapState};
use crate::host::{Header, HttpCallResponse, HttpHost, StreamMap};
use crate::imports::env;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GET_HEADER_MAP_VALUE,
        |call, map: u32, key: u32, key_size: u32, ptr: u32, size: u32| {
            value(
                call,
                map,
                GuestSlice::new(key, key_size),
                ReturnSlice::new(ptr, size),
            )
        }
    );
    hostcall!(
        linking,
        env::GET_HEADER_MAP_PAIRS,
        |call, map: u32, ptr: u32, size: u32| { entries(call, map, ReturnSlice::new(ptr, size)) }
    );
    hostcall!(
        linking,
        env::GET_HEADER_MAP_SIZE,
        |call, map: u32, result: u32| {
            let (host, map) = writable(call.state(), map)?;
            let size = u32::try_from(host.map_byte_size(map)).unwrap_or(u32::MAX);
            call.write_u32(result, size)
        }
    );
    link_changes(linking)
}

fn link_changes(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::ADD_HEADER_MAP_VALUE,
        |call, map: u32, key: u32, key_size: u32, value: u32, size: u32| {
            let (key, value) = (GuestSlice::new(key, key_size), GuestSlice::new(value, size));
            change(call, map, key, &mut |target, key, memory| {
                let value = value.read(memory)?;
                target.make_room(key.len() + value.len(), || true)?;
                target.host.map_add(target.map, key, value);
                Ok(())
            })
        }
    );
    hostcall!(
        linking,
        env::REPLACE_HEADER_MAP_VALUE,
        |call, map: u32, key: u32, key_size: u32, value: u32, size: u32| {
            let (key, value) = (GuestSlice::new(key, key_size), GuestSlice::new(value, size));
            change(call, map, key, &mut |target, key, memory| {
                let value = value.read(memory)?;
                let (host, map) = (target.host, target.map);
                target.make_room(key.len() + value.len(), || {
                    !host.map_value(map, key, &mut Vec::new())
                })?;
                host.map_replace(map, key, value);
                Ok(())
            })
        }
    );
    hostcall!(
        linking,
        env::REMOVE_HEADER_MAP_VALUE,
        |call, map: u32, key: u32, key_size: u32| {
            change(
                call,
                map,
                GuestSlice::new(key, key_size),
                &mut |target, key, _| {
                    target.host.map_remove(target.map, key);
                    Ok(())
                },
            )
        }
    );
    hostcall!(
        linking,
        env::SET_HEADER_MAP_PAIRS,
        |call, map: u32, ptr: u32, size: u32| { set(call, map, GuestSlice::new(ptr, size)) }
    );
    Ok(())
}

/// A map that can be read now.
enum Readable<'a> {
    Stream(&'a Rc<dyn HttpHost>, StreamMap),
    Callout(&'a [Header]),
}

fn map_type(number: u32) -> Result<MapType, Refusal> {
    MapType::try_from(number).map_err(|_| Refusal::bad_argument("map types are 0 to 7"))
}

/// Returns the stream's map of this type, or `None` for a callout's.
const fn stream_map(map: MapType) -> Option<StreamMap> {
    match map {
        MapType::HttpRequestHeaders => Some(StreamMap::RequestHeaders),
        MapType::HttpRequestTrailers => Some(StreamMap::RequestTrailers),
        MapType::HttpResponseHeaders => Some(StreamMap::ResponseHeaders),
        MapType::HttpResponseTrailers => Some(StreamMap::ResponseTrailers),
        MapType::GrpcReceiveInitialMetadata
        | MapType::GrpcReceiveTrailingMetadata
        | MapType::HttpCallResponseHeaders
        | MapType::HttpCallResponseTrailers => None,
    }
}

const NO_STREAM: Refusal =
    Refusal::bad_argument("the context is not an HTTP stream, so it has no such map");
const CLOSED: Refusal = Refusal::bad_argument(
    "the map is not available in this callback: it is from its own callback until the stream \
     goes on, so copy what is needed later",
);
const ENDED: Refusal = Refusal::not_found("the stream has ended without this map");
const NO_CALLOUT: Refusal =
    Refusal::bad_argument("the map is available only in the callback that delivers it");

fn readable(state: &VmState, map: MapType) -> Result<Readable<'_>, Refusal> {
    let Some(stream_map) = stream_map(map) else {
        return callout_map(state, map).map(Readable::Callout);
    };
    let http = state.acting_http().ok_or(NO_STREAM)?;
    match http.access.map(stream_map, http.host.as_ref()) {
        MapState::Open | MapState::ReadOnly => Ok(Readable::Stream(&http.host, stream_map)),
        MapState::Creatable | MapState::Closed if http.access.is_logging() => Err(ENDED),
        MapState::Creatable | MapState::Closed => Err(CLOSED),
    }
}

fn callout_map(state: &VmState, map: MapType) -> Result<&[Header], Refusal> {
    let (_, root) = state.acting_root().ok_or(NO_CALLOUT)?;
    match (map, &root.response, &root.grpc.event) {
        (
            MapType::HttpCallResponseHeaders,
            Some(HttpCallResponse::Complete { headers: found, .. }),
            _,
        )
        | (MapType::GrpcReceiveInitialMetadata, _, Some(GrpcEvent::InitialMetadata(found)))
        | (MapType::GrpcReceiveTrailingMetadata, _, Some(GrpcEvent::TrailingMetadata(found))) => {
            Ok(found)
        }
        (
            MapType::HttpCallResponseTrailers,
            Some(HttpCallResponse::Complete { trailers, .. }),
            _,
        ) if !trailers.is_empty() => Ok(trailers),
        _ => Err(NO_CALLOUT),
    }
}

/// Returns a map that can be changed now. Trailers that do not exist yet are opened by asking.
fn writable(state: &VmState, number: u32) -> Result<(Rc<dyn HttpHost>, StreamMap), Refusal> {
    let map = map_type(number)?;
    let stream_map = stream_map(map).ok_or(Refusal::bad_argument(
        "a callout's response cannot be changed",
    ))?;
    let http = state.acting_http().ok_or(NO_STREAM)?;
    match http.access.map(stream_map, http.host.as_ref()) {
        MapState::Open | MapState::Creatable => Ok((Rc::clone(&http.host), stream_map)),
        MapState::ReadOnly => Err(Refusal::bad_argument(
            "the stream has ended: its maps can only be read",
        )),
        MapState::Closed => Err(CLOSED),
    }
}

/// Calls `act` with a name in lower case, as maps hold and expect them, and as most guests write
/// them.
fn with_lower_case<R>(
    state: &mut VmState,
    name: &[u8],
    act: impl FnOnce(&mut VmState, &[u8]) -> R,
) -> R {
    if !name.iter().any(u8::is_ascii_uppercase) {
        return act(state, name);
    }
    let mut lower = std::mem::take(&mut state.name);
    lower.clear();
    lower.extend_from_slice(name);
    lower.make_ascii_lowercase();
    let result = act(state, &lower);
    state.name = lower;
    result
}

fn value(
    call: &mut Hostcall<'_>,
    map: u32,
    key: GuestSlice,
    result: ReturnSlice,
) -> Result<(), Stop> {
    let map = map_type(map)?;
    let (memory, state) = call.split();
    let key = key.read(memory)?;
    let mut value = std::mem::take(&mut state.value);
    value.clear();
    let found = with_lower_case(state, key, |state, key| find(state, map, key, &mut value));
    let is_oldest = state.abi == AbiVersion::V0_1_0;
    let answer = match found {
        Ok(true) => call.return_bytes(&value, result),
        // ABI 0.1.0 has no "not found" here: absent reads as empty.
        Ok(false) if is_oldest => call.return_bytes(&[], result),
        Err(refusal) if is_oldest && refusal.status == Status::NotFound => {
            call.return_bytes(&[], result)
        }
        Ok(false) => Err(Refusal::not_found("the map has no such key").into()),
        Err(refusal) => Err(refusal.into()),
    };
    call.state_mut().keep_value(value);
    answer
}

fn find(state: &VmState, map: MapType, key: &[u8], value: &mut Vec<u8>) -> Result<bool, Refusal> {
    Ok(match readable(state, map)? {
        Readable::Stream(host, map) => host.map_value(map, key, value),
        Readable::Callout(headers) => headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, found)| value.extend_from_slice(found))
            .is_some(),
    })
}

/// Returns the whole map; one that is not available reads as empty.
fn entries(call: &mut Hostcall<'_>, map: u32, result: ReturnSlice) -> Result<(), Stop> {
    let map = map_type(map)?;
    let mut encoded = std::mem::take(&mut call.state_mut().value);
    encoded.clear();
    match readable(call.state(), map) {
        Ok(Readable::Stream(host, map)) => encode_stream_map(host.as_ref(), map, &mut encoded),
        Ok(Readable::Callout([])) | Err(_) => {}
        Ok(Readable::Callout(headers)) => {
            pairs::encode_into(
                headers.iter().map(|(name, value)| (name, value)),
                &mut encoded,
            );
        }
    }
    let answer = call.return_bytes(&encoded, result);
    call.state_mut().keep_value(encoded);
    answer
}

/// Writes the wire form in two passes, because sizes come before data. No entries write nothing.
fn encode_stream_map(host: &dyn HttpHost, map: StreamMap, out: &mut Vec<u8>) {
    let mut count = 0_u32;
    let mut bytes = 0_usize;
    out.extend_from_slice(&[0; 4]);
    host.map_entries(map, &mut |name, value| {
        count += 1;
        bytes += name.len() + value.len() + 2;
        out.extend_from_slice(&wire_size(name.len()));
        out.extend_from_slice(&wire_size(value.len()));
    });
    if count == 0 {
        out.clear();
        return;
    }
    if let Some(first) = out.first_chunk_mut::<4>() {
        *first = count.to_le_bytes();
    }
    out.reserve(bytes);
    host.map_entries(map, &mut |name, value| {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    });
}

fn wire_size(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// A map that is about to be changed.
struct Target<'a> {
    state: &'a mut VmState,
    host: &'a dyn HttpHost,
    map: StreamMap,
}

const TOO_MANY_HEADERS: Refusal = Refusal::new(
    Status::InternalFailure,
    "the map has as many entries as a plugin may make it have",
)
.beyond("header_count");
const TOO_LARGE: Refusal = Refusal::new(
    Status::InternalFailure,
    "the map would be larger than a plugin may make it",
)
.beyond("header_bytes");

impl Target<'_> {
    /// Checks that an entry fits. The map is measured only after the guest has written so much that
    /// it may be full.
    fn make_room(&mut self, bytes: usize, is_new: impl Fn() -> bool) -> Result<(), Refusal> {
        let Some(http) = self.state.contexts.http_mut(self.state.acting()) else {
            return Ok(());
        };
        let limits = &self.state.common.config.limits;
        http.written.0 += 1;
        http.written.1 = http.written.1.saturating_add(bytes);
        if http.written.0 <= limits.header_count / 2 && http.written.1 <= limits.header_bytes / 2 {
            return Ok(());
        }
        if self.host.map_byte_size(self.map).saturating_add(bytes) > limits.header_bytes {
            return Err(TOO_LARGE);
        }
        if self.host.map_len(self.map) >= limits.header_count && is_new() {
            return Err(TOO_MANY_HEADERS);
        }
        Ok(())
    }
}

/// What is done to a map with a name, and the guest's memory.
type Change<'c> = dyn FnMut(&mut Target<'_>, &[u8], &[u8]) -> Result<(), Refusal> + 'c;

/// Changes a map; one function for all changes, as a request makes several.
#[inline(never)]
fn change(
    call: &mut Hostcall<'_>,
    map: u32,
    key: GuestSlice,
    act: &mut Change<'_>,
) -> Result<(), Stop> {
    map_type(map)?;
    let (memory, state) = call.split();
    let key = key.read(memory)?;
    let (host, map) = writable(state, map)?;
    with_lower_case(state, key, |state, key| {
        let host = host.as_ref();
        act(&mut Target { state, host, map }, key, memory)?;
        // Another route may fit the request.
        if map == StreamMap::RequestHeaders {
            host.request_header_changed(key);
        }
        Ok::<_, Refusal>(())
    })?;
    open_trailers(state, map);
    Ok(())
}

/// After a change trailers exist.
fn open_trailers(state: &mut VmState, map: StreamMap) {
    match map {
        StreamMap::RequestTrailers | StreamMap::ResponseTrailers => {
            if let Some(http) = state.acting_http_mut() {
                http.access.open_map(map);
            }
        }
        StreamMap::RequestHeaders | StreamMap::ResponseHeaders => {}
    }
}

fn set(call: &mut Hostcall<'_>, map: u32, entries: GuestSlice) -> Result<(), Stop> {
    map_type(map)?;
    let (memory, state) = call.split();
    let bytes = entries.read(memory)?;
    let (host, map) = writable(state, map)?;
    let entries = super::decode_pairs(state, &env::SET_HEADER_MAP_PAIRS, bytes);
    let names: Vec<_> = entries
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    let lowered: Vec<(&[u8], &[u8])> = names
        .iter()
        .zip(&entries)
        .map(|(name, (_, value))| (name.as_slice(), *value))
        .collect();
    let limits = &state.common.config.limits;
    if lowered.len() > limits.header_count {
        return Err(TOO_MANY_HEADERS.into());
    }
    let bytes = lowered.iter().map(|(name, value)| name.len() + value.len());
    if bytes.sum::<usize>() > limits.header_bytes {
        return Err(TOO_LARGE.into());
    }
    host.map_set(map, &lowered);
    if map == StreamMap::RequestHeaders {
        host.clear_route_cache();
    }
    open_trailers(state, map);
    Ok(())
}
