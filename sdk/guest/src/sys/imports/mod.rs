//! The host as a wasm module sees it: imported functions, each wrapped once.
#![expect(
    unsafe_code,
    reason = "imported functions take addresses of guest memory"
)]

mod env;

use std::ptr;

use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, Status, StreamType};

#[cfg(feature = "grpc")]
use super::GrpcCallArguments;
use super::{HttpCallArguments, LocalReply};
use crate::error::Error;
use crate::memory;

const OK: u32 = Status::Ok.to_u32();

fn check(call: &'static str, status: u32) -> Result<(), Error> {
    if status == OK {
        Ok(())
    } else {
        Err(Error::new(call, status))
    }
}

/// Where the host writes the address and size of a block it returns.
struct Out {
    start: *mut u8,
    len: usize,
}

impl Out {
    const EMPTY: Self = Self {
        start: ptr::null_mut(),
        len: 0,
    };

    /// With a block that the host may fill, for what is mostly short.
    fn offering() -> Self {
        let (start, len) = memory::offer();
        Self { start, len }
    }

    #[inline(never)]
    fn adopt(self, call: &'static str, status: u32) -> Result<Vec<u8>, Error> {
        if status != OK {
            return Err(Error::new(call, status));
        }
        match memory::adopt(self.start, self.len) {
            Some(bytes) => Ok(bytes),
            None => Err(Error::new(call, Status::InvalidMemoryAccess.to_u32())),
        }
    }
}

pub(crate) fn log(level: LogLevel, message: &[u8]) {
    // A log line that the host refuses has nowhere else to go.
    // SAFETY: address and length are those of one live slice.
    let _status = unsafe { env::proxy_log(level.to_u32(), message.as_ptr(), message.len()) };
}

pub(crate) fn log_level() -> u32 {
    let mut level = LogLevel::Trace.to_u32();
    // SAFETY: the address is that of a live, writable u32.
    let status = unsafe { env::proxy_get_log_level(&raw mut level) };
    if status == OK {
        level
    } else {
        LogLevel::Trace.to_u32()
    }
}

pub(crate) fn current_time_nanos() -> u64 {
    let mut nanos = 0;
    // SAFETY: the address is that of a live, writable u64. The call cannot fail otherwise.
    let _status = unsafe { env::proxy_get_current_time_nanoseconds(&raw mut nanos) };
    nanos
}

pub(crate) fn set_tick_period(millis: u32) -> Result<(), Error> {
    check(
        "proxy_set_tick_period_milliseconds",
        env::proxy_set_tick_period_milliseconds(millis),
    )
}

pub(crate) fn set_effective_context(context: u32) -> Result<(), Error> {
    check(
        "proxy_set_effective_context",
        env::proxy_set_effective_context(context),
    )
}

pub(crate) fn property(path: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Out::offering();
    // SAFETY: the path is one live slice, and both out addresses are live and writable.
    let status = unsafe {
        env::proxy_get_property(
            path.as_ptr(),
            path.len(),
            &raw mut out.start,
            &raw mut out.len,
        )
    };
    out.adopt("proxy_get_property", status)
}

pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Error> {
    // SAFETY: path and value are live slices.
    let status =
        unsafe { env::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    check("proxy_set_property", status)
}

pub(crate) fn map_value(map: MapType, name: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Out::offering();
    let (start, len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: the name is one live slice, and both out addresses are live and writable.
    let status = unsafe {
        env::proxy_get_header_map_value(map.to_u32(), name.as_ptr(), name.len(), start, len)
    };
    out.adopt("proxy_get_header_map_value", status)
}

pub(crate) fn map_pairs(map: MapType) -> Result<Vec<u8>, Error> {
    let mut out = Out::EMPTY;
    let (start, len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: both out addresses are live and writable.
    let status = unsafe { env::proxy_get_header_map_pairs(map.to_u32(), start, len) };
    out.adopt("proxy_get_header_map_pairs", status)
}

pub(crate) fn map_add(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Error> {
    let (map, data, len) = (map.to_u32(), value.as_ptr(), value.len());
    // SAFETY: name and value are live slices.
    let status =
        unsafe { env::proxy_add_header_map_value(map, name.as_ptr(), name.len(), data, len) };
    check("proxy_add_header_map_value", status)
}

pub(crate) fn map_replace(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Error> {
    let (map, data, len) = (map.to_u32(), value.as_ptr(), value.len());
    // SAFETY: name and value are live slices.
    let status =
        unsafe { env::proxy_replace_header_map_value(map, name.as_ptr(), name.len(), data, len) };
    check("proxy_replace_header_map_value", status)
}

pub(crate) fn map_remove(map: MapType, name: &[u8]) -> Result<(), Error> {
    // SAFETY: the name is one live slice.
    let status =
        unsafe { env::proxy_remove_header_map_value(map.to_u32(), name.as_ptr(), name.len()) };
    check("proxy_remove_header_map_value", status)
}

pub(crate) fn buffer_bytes(buffer: BufferType, start: usize, max: usize) -> Result<Vec<u8>, Error> {
    let mut out = Out::EMPTY;
    let (data, len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: both out addresses are live and writable.
    let status = unsafe { env::proxy_get_buffer_bytes(buffer.to_u32(), start, max, data, len) };
    out.adopt("proxy_get_buffer_bytes", status)
}

pub(crate) fn set_buffer_bytes(
    buffer: BufferType,
    start: usize,
    size: usize,
    data: &[u8],
) -> Result<(), Error> {
    let buffer = buffer.to_u32();
    // SAFETY: the data is one live slice.
    let status =
        unsafe { env::proxy_set_buffer_bytes(buffer, start, size, data.as_ptr(), data.len()) };
    check("proxy_set_buffer_bytes", status)
}

pub(crate) fn continue_stream(stream: StreamType) -> Result<(), Error> {
    check(
        "proxy_continue_stream",
        env::proxy_continue_stream(stream.to_u32()),
    )
}

pub(crate) fn close_stream(stream: StreamType) -> Result<(), Error> {
    check(
        "proxy_close_stream",
        env::proxy_close_stream(stream.to_u32()),
    )
}

pub(crate) fn send_local_response(reply: &LocalReply<'_>) -> Result<(), Error> {
    // SAFETY: details, body and headers are live slices.
    let status = unsafe {
        env::proxy_send_local_response(
            reply.status,
            reply.details.as_ptr(),
            reply.details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            reply.headers.as_ptr(),
            reply.headers.len(),
            reply.grpc_status,
        )
    };
    check("proxy_send_local_response", status)
}

pub(crate) fn shared_data(key: &[u8]) -> Result<(Vec<u8>, u32), Error> {
    let (mut out, mut cas) = (Out::offering(), 0);
    let (start, len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: the key is one live slice, and all three out addresses are live and writable.
    let status =
        unsafe { env::proxy_get_shared_data(key.as_ptr(), key.len(), start, len, &raw mut cas) };
    Ok((out.adopt("proxy_get_shared_data", status)?, cas))
}

pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Error> {
    let (data, len) = (value.as_ptr(), value.len());
    // SAFETY: key and value are live slices.
    let status = unsafe { env::proxy_set_shared_data(key.as_ptr(), key.len(), data, len, cas) };
    check("proxy_set_shared_data", status)
}

pub(crate) fn define_metric(kind: MetricType, name: &[u8]) -> Result<u32, Error> {
    let mut id = 0;
    // SAFETY: the name is one live slice, and the out address is live and writable.
    let status =
        unsafe { env::proxy_define_metric(kind.to_u32(), name.as_ptr(), name.len(), &raw mut id) };
    check("proxy_define_metric", status).map(|()| id)
}

pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Error> {
    check(
        "proxy_increment_metric",
        env::proxy_increment_metric(id, offset),
    )
}

pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Error> {
    check("proxy_record_metric", env::proxy_record_metric(id, value))
}

pub(crate) fn metric(id: u32) -> Result<u64, Error> {
    let mut value = 0;
    // SAFETY: the out address is live and writable.
    let status = unsafe { env::proxy_get_metric(id, &raw mut value) };
    check("proxy_get_metric", status).map(|()| value)
}

pub(crate) fn http_call(call: &HttpCallArguments<'_>) -> Result<u32, Error> {
    let mut token = 0;
    // SAFETY: upstream, headers and body are live slices, the trailers are empty, and the out
    // address is live and writable.
    let status = unsafe {
        env::proxy_http_call(
            call.upstream.as_ptr(),
            call.upstream.len(),
            call.headers.as_ptr(),
            call.headers.len(),
            call.body.as_ptr(),
            call.body.len(),
            [].as_ptr(),
            0,
            call.timeout_ms,
            &raw mut token,
        )
    };
    check("proxy_http_call", status).map(|()| token)
}

pub(crate) fn set_map_pairs(map: MapType, pairs: &[u8]) -> Result<(), Error> {
    // SAFETY: the pairs are one live slice.
    let status =
        unsafe { env::proxy_set_header_map_pairs(map.to_u32(), pairs.as_ptr(), pairs.len()) };
    check("proxy_set_header_map_pairs", status)
}

pub(crate) fn map_size(map: MapType) -> Result<usize, Error> {
    let mut size = 0;
    // SAFETY: the out address is live and writable.
    let status = unsafe { env::proxy_get_header_map_size(map.to_u32(), &raw mut size) };
    check("proxy_get_header_map_size", status).map(|()| size)
}

pub(crate) fn buffer_size(buffer: BufferType) -> Result<usize, Error> {
    let (mut size, mut flags) = (0, 0);
    // SAFETY: both out addresses are live and writable.
    let status =
        unsafe { env::proxy_get_buffer_status(buffer.to_u32(), &raw mut size, &raw mut flags) };
    check("proxy_get_buffer_status", status).map(|()| size)
}

pub(crate) fn register_shared_queue(name: &[u8]) -> Result<u32, Error> {
    let mut token = 0;
    // SAFETY: the name is one live slice, and the out address is live and writable.
    let status =
        unsafe { env::proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut token) };
    check("proxy_register_shared_queue", status).map(|()| token)
}

pub(crate) fn resolve_shared_queue(vm_id: &[u8], name: &[u8]) -> Result<u32, Error> {
    let mut token = 0;
    let (id, id_len) = (vm_id.as_ptr(), vm_id.len());
    // SAFETY: id and name are live slices, and the out address is live and writable.
    let status = unsafe {
        env::proxy_resolve_shared_queue(id, id_len, name.as_ptr(), name.len(), &raw mut token)
    };
    check("proxy_resolve_shared_queue", status).map(|()| token)
}

pub(crate) fn enqueue_shared_queue(queue: u32, item: &[u8]) -> Result<(), Error> {
    // SAFETY: the item is one live slice.
    let status = unsafe { env::proxy_enqueue_shared_queue(queue, item.as_ptr(), item.len()) };
    check("proxy_enqueue_shared_queue", status)
}

pub(crate) fn dequeue_shared_queue(queue: u32) -> Result<Vec<u8>, Error> {
    let mut out = Out::EMPTY;
    // SAFETY: both out addresses are live and writable.
    let status =
        unsafe { env::proxy_dequeue_shared_queue(queue, &raw mut out.start, &raw mut out.len) };
    out.adopt("proxy_dequeue_shared_queue", status)
}

pub(crate) fn call_foreign_function(name: &[u8], arguments: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Out::EMPTY;
    let (data, len) = (arguments.as_ptr(), arguments.len());
    let (start, out_len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: name and arguments are live slices, and both out addresses are live and writable.
    let status = unsafe {
        env::proxy_call_foreign_function(name.as_ptr(), name.len(), data, len, start, out_len)
    };
    out.adopt("proxy_call_foreign_function", status)
}

#[cfg(feature = "grpc")]
pub(crate) fn status() -> Result<(u32, Vec<u8>), Error> {
    let (mut out, mut code) = (Out::EMPTY, 0);
    let (start, len) = (&raw mut out.start, &raw mut out.len);
    // SAFETY: all three out addresses are live and writable.
    let status = unsafe { env::proxy_get_status(&raw mut code, start, len) };
    Ok((code, out.adopt("proxy_get_status", status)?))
}

pub(crate) fn done() -> Result<(), Error> {
    check("proxy_done", env::proxy_done())
}

#[cfg(feature = "dns")]
pub(crate) fn resolve_dns(name: &[u8]) -> Result<u32, Error> {
    let mut token = 0;
    // SAFETY: the name is one live slice, and the out address is live and writable.
    let status = unsafe { env::envoy_resolve_dns(name.as_ptr(), name.len(), &raw mut token) };
    check("envoy_resolve_dns", status).map(|()| token)
}

/// Calls an import with what both kinds of gRPC callouts say, and whatever else it takes.
#[cfg(feature = "grpc")]
macro_rules! begin_grpc {
    ($import:ident, $call:ident $(, $more:expr)*) => {{
        let mut token = 0;
        // SAFETY: all parts of the call are live slices, and the out address is live and writable.
        let status = unsafe {
            env::$import(
                $call.upstream.as_ptr(),
                $call.upstream.len(),
                $call.service.as_ptr(),
                $call.service.len(),
                $call.method.as_ptr(),
                $call.method.len(),
                $call.metadata.as_ptr(),
                $call.metadata.len(),
                $($more,)*
                &raw mut token,
            )
        };
        check(stringify!($import), status).map(|()| token)
    }};
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_call(call: &GrpcCallArguments<'_>) -> Result<u32, Error> {
    let (message, len) = (call.message.as_ptr(), call.message.len());
    begin_grpc!(proxy_grpc_call, call, message, len, call.timeout_ms)
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_stream(call: &GrpcCallArguments<'_>) -> Result<u32, Error> {
    begin_grpc!(proxy_grpc_stream, call)
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_send(token: u32, message: &[u8], end_of_stream: bool) -> Result<(), Error> {
    let (data, len) = (message.as_ptr(), message.len());
    // SAFETY: the message is one live slice.
    let status = unsafe { env::proxy_grpc_send(token, data, len, u32::from(end_of_stream)) };
    check("proxy_grpc_send", status)
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_cancel(token: u32) -> Result<(), Error> {
    check("proxy_grpc_cancel", env::proxy_grpc_cancel(token))
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_close(token: u32) -> Result<(), Error> {
    check("proxy_grpc_close", env::proxy_grpc_close(token))
}
