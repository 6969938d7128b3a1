//! The hostcalls, one safe function each: imports in wasm, a thread-local [`Host`](host::Host)
//! everywhere else. Which of the two is decided here and nowhere else.
#![cfg_attr(
    target_arch = "wasm32",
    expect(unreachable_pub, reason = "the arguments are public for native hosts")
)]

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod host;
#[cfg(target_arch = "wasm32")]
mod imports;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use host::{
    buffer_bytes, close_stream, continue_stream, current_time_nanos, define_metric, http_call,
    increment_metric, log, log_level, map_add, map_pairs, map_remove, map_replace, map_value,
    metric, property, record_metric, send_local_response, set_buffer_bytes, set_effective_context,
    set_property, set_shared_data, set_tick_period, shared_data,
};
#[cfg(target_arch = "wasm32")]
pub(crate) use imports::{
    buffer_bytes, close_stream, continue_stream, current_time_nanos, define_metric, http_call,
    increment_metric, log, log_level, map_add, map_pairs, map_remove, map_replace, map_value,
    metric, property, record_metric, send_local_response, set_buffer_bytes, set_effective_context,
    set_property, set_shared_data, set_tick_period, shared_data,
};

/// The `grpc_status` argument that means "not chosen".
pub const NO_GRPC_STATUS: u32 = u32::MAX;

/// The arguments of `proxy_send_local_response`.
#[derive(Clone, Copy, Debug)]
pub struct LocalReply<'a> {
    /// HTTP status.
    pub status: u32,
    /// Response code details.
    pub details: &'a [u8],
    /// Body.
    pub body: &'a [u8],
    /// Serialized headers; nothing for none.
    pub headers: &'a [u8],
    /// gRPC status, or [`NO_GRPC_STATUS`].
    pub grpc_status: u32,
}

/// The arguments of `proxy_http_call`. There are no trailers: Envoy does not send them.
#[derive(Clone, Copy, Debug)]
pub struct HttpCallArguments<'a> {
    /// Name of the cluster.
    pub upstream: &'a [u8],
    /// Serialized headers.
    pub headers: &'a [u8],
    /// Body.
    pub body: &'a [u8],
    /// Timeout; 0 waits for ever.
    pub timeout_ms: u32,
}
