//! `response.*`.

use tollgate_abi::GrpcStatus;
use tollgate_runtime::{PropertyResult, PropertyValue};

use super::{attribute, duration, headers, int, scalar, some, text};
use crate::filter::{HeaderTable, StreamState};

pub(super) fn property(state: &StreamState, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let info = &state.info;
    let table = state.response_headers.borrow();
    let table = table.as_ref();
    let trailers = state.response_trailers.borrow();
    let trailers = trailers.as_deref();
    let value = match name {
        b"headers" | b"trailers" => {
            return match if name == b"headers" { table } else { trailers } {
                Some(table) => headers(table, rest),
                None => PropertyValue::Map(Vec::new()).descend(rest),
            };
        }
        b"code" => some(info.response_code.get().map(int))?,
        b"code_details" => some(info.response_code_details.borrow().as_deref().map(text))?,
        b"flags" => int(info.response_flags.get().bits()),
        b"grpc_status" => {
            some(grpc_status(trailers, table).or_else(|| info.response_code.get().map(mapped)))?
        }
        b"headers_bytes" => int(table.map_or(0, HeaderTable::byte_size)),
        b"size" => int(info.bytes_sent.get()),
        b"total_size" => {
            let sizes = [table, trailers].map(|table| table.map_or(0, HeaderTable::byte_size));
            int(info
                .bytes_sent
                .get()
                .saturating_add(sizes.iter().sum::<usize>() as u64))
        }
        b"backend_latency" => {
            let times = &info.times;
            let (sent, received) = (times.first_upstream_tx.get(), times.last_upstream_rx.get());
            let latency = sent.zip(received).map(|(sent, received)| received - sent);
            some(latency.map(duration))?
        }
        _ => some(None)?,
    };
    scalar(value, rest)
}

/// A response without a gRPC status has the one that fits its HTTP status.
fn mapped(code: u16) -> PropertyValue {
    PropertyValue::Int(i64::from(GrpcStatus::from_http(code).to_u32()))
}

/// Trailers come first: headers have a status only when there is nothing else.
fn grpc_status(
    trailers: Option<&HeaderTable>,
    headers: Option<&HeaderTable>,
) -> Option<PropertyValue> {
    let status = [trailers, headers].into_iter().flatten().find_map(|table| {
        let text = std::str::from_utf8(table.get("grpc-status")?).ok()?;
        text.parse::<i64>().ok()
    });
    status.map(PropertyValue::Int)
}
