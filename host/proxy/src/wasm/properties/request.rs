//! `request.*`.

use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

use super::{attribute, duration, headers, int, scalar, some, text, timestamp};
use crate::filter::{HeaderTable, StreamState};

pub(super) fn property(state: &StreamState, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let info = &state.info;
    let table = state.request_headers.borrow();
    let value = match name {
        b"headers" => return headers(&table, rest),
        b"time" => timestamp(info.start_time),
        b"duration" => some(info.times.end.get().map(|end| duration(end - info.start)))?,
        b"protocol" => some(info.protocol_name().map(text))?,
        b"headers_bytes" => int(table.byte_size()),
        b"size" => size(&table, info.bytes_received.get())?,
        b"total_size" => int(info
            .bytes_received
            .get()
            .saturating_add(table.byte_size() as u64)),
        _ => some(from_headers(&table, name))?,
    };
    scalar(value, rest)
}

fn from_headers(table: &HeaderTable, name: &[u8]) -> Option<PropertyValue> {
    let header = |name: &str| {
        table
            .get(name)
            .map(<[u8]>::to_vec)
            .map(PropertyValue::Bytes)
    };
    match name {
        b"path" => header(":path"),
        b"url_path" => {
            let path = table.get(":path")?;
            let end = path
                .iter()
                .position(|byte| *byte == b'?')
                .unwrap_or(path.len());
            path.get(..end)
                .map(|path| PropertyValue::Bytes(path.to_vec()))
        }
        b"query" => Some(PropertyValue::Bytes(query(table.get(":path")?).to_vec())),
        b"host" => header(":authority"),
        b"scheme" => header(":scheme"),
        b"method" => header(":method"),
        b"referer" => header("referer"),
        b"useragent" => header("user-agent"),
        b"id" => header("x-request-id"),
        _ => None,
    }
}

/// What follows the first `?`, without a fragment.
fn query(path: &[u8]) -> &[u8] {
    let mut parts = path.splitn(2, |byte| *byte == b'?');
    let query = parts.nth(1).unwrap_or_default();
    query.split(|byte| *byte == b'#').next().unwrap_or_default()
}

/// The announced length, or what has been received if none was announced.
fn size(table: &HeaderTable, received: u64) -> Result<PropertyValue, Status> {
    match table.get("content-length") {
        Some(length) => {
            let length = std::str::from_utf8(length)
                .ok()
                .and_then(|text| text.parse::<i64>().ok());
            length.map(PropertyValue::Int).ok_or(Status::NotFound)
        }
        None => Ok(int(received)),
    }
}
