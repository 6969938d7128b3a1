//! Properties: facts about the stream, the connection and the plugin, by path.

use smallvec::SmallVec;
use tollgate_abi::{Status, property};

pub(crate) use super::property_lookup::find;
use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::PropertyValue;
use crate::context::Context;
use crate::host::PropertyDeclaration;
use crate::imports::env;

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

fn set(call: &mut Hostcall<'_>, path: GuestSlice, value: GuestSlice) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let (path, value) = (path.read(memory)?, value.read(memory)?);
    let declaration = state
        .contexts
        .root_of(state.acting())
        .and_then(|root| state.contexts.root(root)?.declarations.of(path));
    let undeclared = PropertyDeclaration::default();
    let declaration = declaration.as_deref().unwrap_or(&undeclared);
    let is_set = match state.contexts.get(state.acting()) {
        Some(Context::Http(http)) => http.host.set_property(path, value, declaration),
        Some(Context::Tcp(tcp)) => tcp.host.set_property(path, value, declaration),
        Some(Context::Root(_)) | None => {
            let reason = "properties are set on streams, and this context is none";
            return Err(Refusal::not_found(reason).into());
        }
    };
    is_set.map_err(|status| Refusal::new(status, "the property is read-only and set already"))?;
    Ok(())
}
