//! Properties: Envoy's attributes, by their paths, as far as this proxy knows them.
//!
//! A path that Envoy answers and this proxy has nothing for is `NotFound`, as it is in Envoy when
//! there is no value.

mod connection;
mod facts;
mod filter_state;
mod request;
mod response;
mod upstream;
mod xds;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

use crate::filter::{HeaderTable, StreamState};

pub(super) use facts::ProxyFacts;

/// Looks up a property of a stream. Headers count as readable: the runtime asks for what is read
/// from them only while they are.
pub(super) fn stream_property(
    state: &StreamState,
    facts: &ProxyFacts,
    path: &[&[u8]],
) -> PropertyResult {
    let Some((namespace, rest)) = path.split_first() else {
        return Err(Status::SerializationFailure);
    };
    match *namespace {
        b"request" => request::property(state, rest),
        b"response" => response::property(state, rest),
        b"connection" => connection::property(&state.connection, rest),
        b"source" => connection::address_property(state.info.remote_address.get(), rest),
        b"destination" => connection::address_property(state.connection.local_address, rest),
        b"upstream" => upstream::property(state, facts, rest),
        b"metadata" => metadata(rest),
        b"filter_state" => filter_state::property(state, rest),
        b"upstream_filter_state" => upstream::filter_state(state, rest),
        b"xds" => xds::property(state, facts, rest),
        b"connection_id" => scalar(PropertyValue::Uint(state.connection.id), rest),
        name => filter_state::wasm_property(state, name, rest),
    }
}

/// Looks up a property that exists without a stream.
pub(super) fn root_property(facts: &ProxyFacts, path: &[&[u8]]) -> PropertyResult {
    match path {
        [] | [b"xds"] => Err(Status::SerializationFailure),
        [b"xds", b"node", rest @ ..] => facts.node(rest),
        _ => Err(Status::NotFound),
    }
}

/// No dynamic metadata exists here, so the message is empty and has no fields set.
fn metadata(path: &[&[u8]]) -> PropertyResult {
    match path {
        [] => Ok(PropertyValue::Message(Vec::new())),
        [b"filter_metadata" | b"typed_filter_metadata"] => Ok(PropertyValue::Map(Vec::new())),
        _ => Err(Status::NotFound),
    }
}

/// A part of a path, and the parts after it.
type Attribute<'a, 'b> = (&'b [u8], &'a [&'b [u8]]);

/// The attribute of a namespace that a path names, and what is left of the path.
fn attribute<'a, 'b>(path: &'a [&'b [u8]]) -> Result<Attribute<'a, 'b>, Status> {
    path.split_first()
        .map(|(name, rest)| (*name, rest))
        .ok_or(Status::SerializationFailure)
}

/// A value without parts: a path that goes on finds nothing.
fn scalar(value: PropertyValue, rest: &[&[u8]]) -> PropertyResult {
    value.descend(rest)
}

fn text(value: &str) -> PropertyValue {
    PropertyValue::text(value)
}

/// A value that may be missing.
fn some(value: Option<PropertyValue>) -> PropertyResult {
    value.ok_or(Status::NotFound)
}

fn int(value: impl TryInto<i64>) -> PropertyValue {
    PropertyValue::Int(value.try_into().unwrap_or(i64::MAX))
}

fn duration(value: Duration) -> PropertyValue {
    PropertyValue::Duration(value.as_nanos().try_into().unwrap_or(i64::MAX))
}

fn timestamp(value: SystemTime) -> PropertyValue {
    let since_epoch = value.duration_since(UNIX_EPOCH).unwrap_or_default();
    PropertyValue::Timestamp(since_epoch.as_nanos().try_into().unwrap_or(i64::MAX))
}

fn address(value: SocketAddr) -> PropertyValue {
    text(&value.to_string())
}

/// One header by name, or all of them with one entry for each name.
fn headers(table: &HeaderTable, rest: &[&[u8]]) -> PropertyResult {
    let Some((name, rest)) = rest.split_first() else {
        return Ok(PropertyValue::Map(joined(table)));
    };
    let name = std::str::from_utf8(name)
        .map_err(|_| Status::NotFound)?
        .to_ascii_lowercase();
    let value = table.get_joined(&name).map(PropertyValue::Bytes);
    some(value)?.descend(rest)
}

fn joined(table: &HeaderTable) -> Vec<(Vec<u8>, PropertyValue)> {
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(table.len());
    table.entries(
        &mut |name, value| match entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => {
                values.push(b',');
                values.extend_from_slice(value);
            }
            None => entries.push((name.to_vec(), value.to_vec())),
        },
    );
    entries
        .into_iter()
        .map(|(name, value)| (name, PropertyValue::Bytes(value)))
        .collect()
}

#[cfg(test)]
mod tests;
