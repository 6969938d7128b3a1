//! The host everywhere but in wasm: a thread-local object that a test installs.

#![expect(
    clippy::missing_errors_doc,
    reason = "HostResult says what the error is"
)]
use std::cell::RefCell;
use std::rc::Rc;

use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, Status, StreamType};

use super::{HttpCallArguments, LocalReply};
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
}

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
