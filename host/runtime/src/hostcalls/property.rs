//! Properties: facts about the stream, the connection and the plugin, by path.

use smallvec::SmallVec;
use tollgate_abi::{Status, property};

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::PropertyValue;
use crate::context::{Context, HttpContext, MapState};
use crate::host::{PropertyResult, StreamMap};
use crate::imports::env;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GET_PROPERTY,
        |call, path: u32, path_size: u32, ptr: u32, size: u32| {
            get(
                call,
                GuestSlice::new(path, path_size),
                ReturnSlice::new(ptr, size),
            )
        }
    );
    hostcall!(
        linking,
        env::SET_PROPERTY,
        |call, path: u32, path_size: u32, ptr: u32, size: u32| {
            set(
                call,
                GuestSlice::new(path, path_size),
                GuestSlice::new(ptr, size),
            )
        }
    );
    Ok(())
}

fn get(call: &mut Hostcall<'_>, path: GuestSlice, result: ReturnSlice) -> Result<(), Stop> {
    let value = read(call, path)?;
    call.return_bytes(&value, result)
}

fn read(call: &mut Hostcall<'_>, path: GuestSlice) -> Result<Vec<u8>, Refusal> {
    let (memory, state) = call.split();
    let path: SmallVec<[&[u8]; 8]> = property::split(path.read(memory)?).collect();
    if path.is_empty() {
        return Err(Refusal::new(
            Status::SerializationFailure,
            "the path is empty",
        ));
    }
    find(state, &path).and_then(encode).map_err(refusal)
}

/// Bytes are what they are; other values are encoded.
fn encode(value: PropertyValue) -> Result<Vec<u8>, Status> {
    match value {
        PropertyValue::Bytes(bytes) | PropertyValue::Message(bytes) => Ok(bytes),
        PropertyValue::Int(_)
        | PropertyValue::Uint(_)
        | PropertyValue::Double(_)
        | PropertyValue::Bool(_)
        | PropertyValue::Timestamp(_)
        | PropertyValue::Duration(_)
        | PropertyValue::Map(_)
        | PropertyValue::List(_)
        | PropertyValue::Null => value.encode(),
    }
}

fn refusal(status: Status) -> Refusal {
    Refusal::new(
        status,
        match status {
            Status::NotFound => "there is no such property, or it has no value here and now",
            Status::SerializationFailure => "the path names a namespace or an empty value",
            Status::Ok
            | Status::BadArgument
            | Status::ParseFailure
            | Status::BadExpression
            | Status::InvalidMemoryAccess
            | Status::Empty
            | Status::CasMismatch
            | Status::ResultMismatch
            | Status::InternalFailure
            | Status::BrokenConnection
            | Status::Unimplemented => "the property cannot be read",
        },
    )
}

/// Looks a property up in the acting context.
pub(crate) fn find(state: &VmState, path: &[&[u8]]) -> PropertyResult {
    if let Some(value) = of_plugin(state, path) {
        return value;
    }
    match state.contexts.get(state.acting()) {
        Some(Context::Http(http)) => of_stream(path, &|map| is_readable(http, map), &|| {
            http.host.property(path)
        }),
        // TCP has no header maps.
        Some(Context::Tcp(tcp)) => of_stream(path, &|_| false, &|| tcp.host.property(path)),
        Some(Context::Root(_)) | None => state.services.property(path),
    }
}

/// The plugin's own names, which must be there even while its root context is created.
fn of_plugin(state: &VmState, path: &[&[u8]]) -> Option<PropertyResult> {
    let (first, rest) = path.split_first()?;
    let (_, root) = state.acting_root()?;
    let text = match *first {
        b"plugin_name" => &root.plugin.name,
        b"plugin_root_id" => &root.plugin.root_id,
        b"plugin_vm_id" => &state.config.vm_id,
        _ => return None,
    };
    Some(PropertyValue::text(text).descend(rest))
}

/// What is read from a header map is there only while that map is.
fn of_stream(
    path: &[&[u8]],
    is_readable: &dyn Fn(StreamMap) -> bool,
    of_host: &dyn Fn() -> PropertyResult,
) -> PropertyResult {
    let Some((map, absent)) = read_from_map(path) else {
        return of_host();
    };
    if is_readable(map) {
        return of_host();
    }
    match absent {
        Absent::Nothing => Err(Status::NotFound),
        Absent::EmptyMap => Ok(PropertyValue::Map(Vec::new())),
        Absent::NoBytes => Ok(PropertyValue::Int(0)),
    }
}

/// What a path that is read from a header map answers while the map is not there.
enum Absent {
    Nothing,
    EmptyMap,
    NoBytes,
}

fn read_from_map(path: &[&[u8]]) -> Option<(StreamMap, Absent)> {
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
            | b"useragent" | b"id" => Some((StreamMap::RequestHeaders, Absent::Nothing)),
            b"headers" => Some((StreamMap::RequestHeaders, whole(rest))),
            b"headers_bytes" => Some((StreamMap::RequestHeaders, Absent::NoBytes)),
            _ => None,
        },
        [b"response", part, rest @ ..] => match *part {
            b"headers" => Some((StreamMap::ResponseHeaders, whole(rest))),
            b"trailers" => Some((StreamMap::ResponseTrailers, whole(rest))),
            b"headers_bytes" => Some((StreamMap::ResponseHeaders, Absent::NoBytes)),
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

fn set(call: &mut Hostcall<'_>, path: GuestSlice, value: GuestSlice) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let (path, value) = (path.read(memory)?, value.read(memory)?);
    let declaration = state
        .contexts
        .root_of(state.acting())
        .and_then(|root| state.contexts.root(root)?.declarations.of(path))
        .unwrap_or_default();
    let is_set = match state.contexts.get(state.acting()) {
        Some(Context::Http(http)) => http.host.set_property(path, value, &declaration),
        Some(Context::Tcp(tcp)) => tcp.host.set_property(path, value, &declaration),
        Some(Context::Root(_)) | None => {
            let reason = "properties are set on streams, and this context is none";
            return Err(Refusal::not_found(reason).into());
        }
    };
    is_set.map_err(|status| Refusal::new(status, "the property is read-only and set already"))?;
    Ok(())
}
