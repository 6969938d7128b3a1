//! The host everywhere but in wasm: a thread-local object that a test installs.

#![expect(
    clippy::missing_errors_doc,
    reason = "HostResult says what the error is"
)]
use std::cell::RefCell;
use std::rc::Rc;

use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, Status, StreamType};

use super::{GrpcCallArguments, HttpCallArguments, LocalReply};
use crate::error::Error;

/// What a native host answers; the error is the status number, known to this ABI or not.
pub type HostResult<T> = Result<T, u32>;

/// The hostcalls about the stream of the effective context.
pub trait StreamHost {
    /// `proxy_get_property`.
    fn property(&self, path: &[u8]) -> HostResult<Vec<u8>>;
    /// `proxy_set_property`.
    fn set_property(&self, path: &[u8], value: &[u8]) -> HostResult<()>;
    /// `proxy_get_header_map_value`.
    fn map_value(&self, map: MapType, name: &[u8]) -> HostResult<Vec<u8>>;
    /// `proxy_get_header_map_pairs`: the serialized map, or nothing for an empty one.
    fn map_pairs(&self, map: MapType) -> HostResult<Vec<u8>>;
    /// `proxy_add_header_map_value`.
    fn map_add(&self, map: MapType, name: &[u8], value: &[u8]) -> HostResult<()>;
    /// `proxy_replace_header_map_value`.
    fn map_replace(&self, map: MapType, name: &[u8], value: &[u8]) -> HostResult<()>;
    /// `proxy_remove_header_map_value`.
    fn map_remove(&self, map: MapType, name: &[u8]) -> HostResult<()>;
    /// `proxy_get_buffer_bytes`.
    fn buffer_bytes(&self, buffer: BufferType, start: usize, max: usize) -> HostResult<Vec<u8>>;
    /// `proxy_set_buffer_bytes`.
    fn set_buffer_bytes(
        &self,
        buffer: BufferType,
        start: usize,
        size: usize,
        data: &[u8],
    ) -> HostResult<()>;
    /// `proxy_continue_stream`.
    fn continue_stream(&self, stream: StreamType) -> HostResult<()>;
    /// `proxy_close_stream`.
    fn close_stream(&self, stream: StreamType) -> HostResult<()>;
    /// `proxy_send_local_response`.
    fn send_local_response(&self, reply: &LocalReply<'_>) -> HostResult<()>;
    /// `proxy_set_header_map_pairs`.
    fn set_map_pairs(&self, map: MapType, pairs: &[u8]) -> HostResult<()> {
        let _unused = (map, pairs);
        Err(UNIMPLEMENTED)
    }
    /// `proxy_get_header_map_size`.
    fn map_size(&self, map: MapType) -> HostResult<usize> {
        let _unused = map;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_get_buffer_status`: the size.
    fn buffer_size(&self, buffer: BufferType) -> HostResult<usize> {
        let _unused = buffer;
        Err(UNIMPLEMENTED)
    }
}

/// What a host answers that does not have a call.
const UNIMPLEMENTED: u32 = Status::Unimplemented.to_u32();

/// The hostcalls that need no stream.
pub trait ServiceHost {
    /// `proxy_log`.
    fn log(&self, level: LogLevel, message: &[u8]);
    /// `proxy_get_log_level`.
    fn log_level(&self) -> u32;
    /// `proxy_get_current_time_nanoseconds`.
    fn current_time_nanos(&self) -> u64;
    /// `proxy_set_tick_period_milliseconds`.
    fn set_tick_period(&self, millis: u32) -> HostResult<()>;
    /// `proxy_set_effective_context`.
    fn set_effective_context(&self, context: u32) -> HostResult<()>;
    /// `proxy_get_shared_data`: the value and its compare-and-swap number.
    fn shared_data(&self, key: &[u8]) -> HostResult<(Vec<u8>, u32)>;
    /// `proxy_set_shared_data`.
    fn set_shared_data(&self, key: &[u8], value: &[u8], cas: u32) -> HostResult<()>;
    /// `proxy_define_metric`: the new id.
    fn define_metric(&self, kind: MetricType, name: &[u8]) -> HostResult<u32>;
    /// `proxy_increment_metric`.
    fn increment_metric(&self, id: u32, offset: i64) -> HostResult<()>;
    /// `proxy_record_metric`.
    fn record_metric(&self, id: u32, value: u64) -> HostResult<()>;
    /// `proxy_get_metric`.
    fn metric(&self, id: u32) -> HostResult<u64>;
    /// `proxy_http_call`: the token.
    fn http_call(&self, call: &HttpCallArguments<'_>) -> HostResult<u32>;
    /// `proxy_register_shared_queue`: the token.
    fn register_shared_queue(&self, name: &[u8]) -> HostResult<u32> {
        let _unused = name;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_resolve_shared_queue`: the token.
    fn resolve_shared_queue(&self, vm_id: &[u8], name: &[u8]) -> HostResult<u32> {
        let _unused = (vm_id, name);
        Err(UNIMPLEMENTED)
    }
    /// `proxy_enqueue_shared_queue`.
    fn enqueue_shared_queue(&self, queue: u32, item: &[u8]) -> HostResult<()> {
        let _unused = (queue, item);
        Err(UNIMPLEMENTED)
    }
    /// `proxy_dequeue_shared_queue`.
    fn dequeue_shared_queue(&self, queue: u32) -> HostResult<Vec<u8>> {
        let _unused = queue;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_call_foreign_function`: the result.
    fn call_foreign_function(&self, name: &[u8], arguments: &[u8]) -> HostResult<Vec<u8>> {
        let _unused = (name, arguments);
        Err(UNIMPLEMENTED)
    }
    /// `proxy_get_status`: the number and the text of what ended a callout.
    fn status(&self) -> HostResult<(u32, Vec<u8>)> {
        Err(UNIMPLEMENTED)
    }
    /// `proxy_done`.
    fn done(&self) -> HostResult<()> {
        Err(UNIMPLEMENTED)
    }
    /// `envoy_resolve_dns`: the token.
    fn resolve_dns(&self, name: &[u8]) -> HostResult<u32> {
        let _unused = name;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_grpc_call`: the token.
    fn grpc_call(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        let _unused = call;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_grpc_stream`: the token. The message and the timeout are empty.
    fn grpc_stream(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        let _unused = call;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_grpc_send`.
    fn grpc_send(&self, token: u32, message: &[u8], end_of_stream: bool) -> HostResult<()> {
        let _unused = (token, message, end_of_stream);
        Err(UNIMPLEMENTED)
    }
    /// `proxy_grpc_cancel`.
    fn grpc_cancel(&self, token: u32) -> HostResult<()> {
        let _unused = token;
        Err(UNIMPLEMENTED)
    }
    /// `proxy_grpc_close`.
    fn grpc_close(&self, token: u32) -> HostResult<()> {
        let _unused = token;
        Err(UNIMPLEMENTED)
    }
}

/// A host for filters that run natively.
pub trait Host: StreamHost + ServiceHost {}

impl<T: StreamHost + ServiceHost> Host for T {}

thread_local! {
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Makes `host` the one that hostcalls of this thread reach, and returns the one before.
pub(crate) fn install(host: Option<Rc<dyn Host>>) -> Option<Rc<dyn Host>> {
    HOST.replace(host)
}

/// The host, cloned out so that a hostcall may come back into the SDK.
fn current() -> Option<Rc<dyn Host>> {
    HOST.with_borrow(Clone::clone)
}

/// Makes a hostcall; without a host every call answers as an unimplemented one.
fn call<T>(name: &'static str, make: impl FnOnce(&dyn Host) -> HostResult<T>) -> Result<T, Error> {
    let host = current().ok_or_else(|| Error::new(name, Status::Unimplemented.to_u32()))?;
    make(&*host).map_err(|status| Error::new(name, status))
}

pub(crate) fn log(level: LogLevel, message: &[u8]) {
    if let Some(host) = current() {
        host.log(level, message);
    }
}

pub(crate) fn log_level() -> u32 {
    current().map_or(LogLevel::OFF, |host| host.log_level())
}

pub(crate) fn current_time_nanos() -> u64 {
    current().map_or(0, |host| host.current_time_nanos())
}

pub(crate) fn set_tick_period(millis: u32) -> Result<(), Error> {
    call("proxy_set_tick_period_milliseconds", |host| {
        host.set_tick_period(millis)
    })
}

pub(crate) fn set_effective_context(context: u32) -> Result<(), Error> {
    call("proxy_set_effective_context", |host| {
        host.set_effective_context(context)
    })
}

pub(crate) fn property(path: &[u8]) -> Result<Vec<u8>, Error> {
    call("proxy_get_property", |host| host.property(path))
}

pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Error> {
    call("proxy_set_property", |host| host.set_property(path, value))
}

pub(crate) fn map_value(map: MapType, name: &[u8]) -> Result<Vec<u8>, Error> {
    call("proxy_get_header_map_value", |host| {
        host.map_value(map, name)
    })
}

pub(crate) fn map_pairs(map: MapType) -> Result<Vec<u8>, Error> {
    call("proxy_get_header_map_pairs", |host| host.map_pairs(map))
}

pub(crate) fn map_add(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Error> {
    call("proxy_add_header_map_value", |host| {
        host.map_add(map, name, value)
    })
}

pub(crate) fn map_replace(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Error> {
    call("proxy_replace_header_map_value", |host| {
        host.map_replace(map, name, value)
    })
}

pub(crate) fn map_remove(map: MapType, name: &[u8]) -> Result<(), Error> {
    call("proxy_remove_header_map_value", |host| {
        host.map_remove(map, name)
    })
}

pub(crate) fn buffer_bytes(buffer: BufferType, start: usize, max: usize) -> Result<Vec<u8>, Error> {
    call("proxy_get_buffer_bytes", |host| {
        host.buffer_bytes(buffer, start, max)
    })
}

pub(crate) fn set_buffer_bytes(
    buffer: BufferType,
    start: usize,
    size: usize,
    data: &[u8],
) -> Result<(), Error> {
    call("proxy_set_buffer_bytes", |host| {
        host.set_buffer_bytes(buffer, start, size, data)
    })
}

pub(crate) fn continue_stream(stream: StreamType) -> Result<(), Error> {
    call("proxy_continue_stream", |host| host.continue_stream(stream))
}

pub(crate) fn close_stream(stream: StreamType) -> Result<(), Error> {
    call("proxy_close_stream", |host| host.close_stream(stream))
}

pub(crate) fn send_local_response(reply: &LocalReply<'_>) -> Result<(), Error> {
    call("proxy_send_local_response", |host| {
        host.send_local_response(reply)
    })
}

pub(crate) fn shared_data(key: &[u8]) -> Result<(Vec<u8>, u32), Error> {
    call("proxy_get_shared_data", |host| host.shared_data(key))
}

pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Error> {
    call("proxy_set_shared_data", |host| {
        host.set_shared_data(key, value, cas)
    })
}

pub(crate) fn define_metric(kind: MetricType, name: &[u8]) -> Result<u32, Error> {
    call("proxy_define_metric", |host| host.define_metric(kind, name))
}

pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Error> {
    call("proxy_increment_metric", |host| {
        host.increment_metric(id, offset)
    })
}

pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Error> {
    call("proxy_record_metric", |host| host.record_metric(id, value))
}

pub(crate) fn metric(id: u32) -> Result<u64, Error> {
    call("proxy_get_metric", |host| host.metric(id))
}

pub(crate) fn http_call(arguments: &HttpCallArguments<'_>) -> Result<u32, Error> {
    call("proxy_http_call", |host| host.http_call(arguments))
}

pub(crate) fn set_map_pairs(map: MapType, pairs: &[u8]) -> Result<(), Error> {
    call("proxy_set_header_map_pairs", |host| {
        host.set_map_pairs(map, pairs)
    })
}

pub(crate) fn map_size(map: MapType) -> Result<usize, Error> {
    call("proxy_get_header_map_size", |host| host.map_size(map))
}

pub(crate) fn buffer_size(buffer: BufferType) -> Result<usize, Error> {
    call("proxy_get_buffer_status", |host| host.buffer_size(buffer))
}

pub(crate) fn register_shared_queue(name: &[u8]) -> Result<u32, Error> {
    call("proxy_register_shared_queue", |host| {
        host.register_shared_queue(name)
    })
}

pub(crate) fn resolve_shared_queue(vm_id: &[u8], name: &[u8]) -> Result<u32, Error> {
    call("proxy_resolve_shared_queue", |host| {
        host.resolve_shared_queue(vm_id, name)
    })
}

pub(crate) fn enqueue_shared_queue(queue: u32, item: &[u8]) -> Result<(), Error> {
    call("proxy_enqueue_shared_queue", |host| {
        host.enqueue_shared_queue(queue, item)
    })
}

pub(crate) fn dequeue_shared_queue(queue: u32) -> Result<Vec<u8>, Error> {
    call("proxy_dequeue_shared_queue", |host| {
        host.dequeue_shared_queue(queue)
    })
}

pub(crate) fn call_foreign_function(name: &[u8], arguments: &[u8]) -> Result<Vec<u8>, Error> {
    call("proxy_call_foreign_function", |host| {
        host.call_foreign_function(name, arguments)
    })
}

#[cfg(feature = "grpc")]
pub(crate) fn status() -> Result<(u32, Vec<u8>), Error> {
    call("proxy_get_status", |host| host.status())
}

pub(crate) fn done() -> Result<(), Error> {
    call("proxy_done", |host| host.done())
}

#[cfg(feature = "dns")]
pub(crate) fn resolve_dns(name: &[u8]) -> Result<u32, Error> {
    call("envoy_resolve_dns", |host| host.resolve_dns(name))
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_call(arguments: &GrpcCallArguments<'_>) -> Result<u32, Error> {
    call("proxy_grpc_call", |host| host.grpc_call(arguments))
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_stream(arguments: &GrpcCallArguments<'_>) -> Result<u32, Error> {
    call("proxy_grpc_stream", |host| host.grpc_stream(arguments))
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_send(token: u32, message: &[u8], end_of_stream: bool) -> Result<(), Error> {
    call("proxy_grpc_send", |host| {
        host.grpc_send(token, message, end_of_stream)
    })
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_cancel(token: u32) -> Result<(), Error> {
    call("proxy_grpc_cancel", |host| host.grpc_cancel(token))
}

#[cfg(feature = "grpc")]
pub(crate) fn grpc_close(token: u32) -> Result<(), Error> {
    call("proxy_grpc_close", |host| host.grpc_close(token))
}
