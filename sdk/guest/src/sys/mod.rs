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

#[cfg(all(not(target_arch = "wasm32"), feature = "dns"))]
pub(crate) use host::resolve_dns;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use host::{
    buffer_bytes, buffer_size, call_foreign_function, close_stream, continue_stream,
    current_time_nanos, define_metric, dequeue_shared_queue, done, enqueue_shared_queue, http_call,
    increment_metric, log, log_level, map_add, map_pairs, map_remove, map_replace, map_size,
    map_value, metric, property, record_metric, register_shared_queue, resolve_shared_queue,
    send_local_response, set_buffer_bytes, set_effective_context, set_map_pairs, set_property,
    set_shared_data, set_tick_period, shared_data,
};
#[cfg(all(not(target_arch = "wasm32"), feature = "grpc"))]
pub(crate) use host::{grpc_call, grpc_cancel, grpc_close, grpc_send, grpc_stream, status};
#[cfg(all(target_arch = "wasm32", feature = "dns"))]
pub(crate) use imports::resolve_dns;
#[cfg(target_arch = "wasm32")]
pub(crate) use imports::{
    buffer_bytes, buffer_size, call_foreign_function, close_stream, continue_stream,
    current_time_nanos, define_metric, dequeue_shared_queue, done, enqueue_shared_queue, http_call,
    increment_metric, log, log_level, map_add, map_pairs, map_remove, map_replace, map_size,
    map_value, metric, property, record_metric, register_shared_queue, resolve_shared_queue,
    send_local_response, set_buffer_bytes, set_effective_context, set_map_pairs, set_property,
    set_shared_data, set_tick_period, shared_data,
};
#[cfg(all(target_arch = "wasm32", feature = "grpc"))]
pub(crate) use imports::{grpc_call, grpc_cancel, grpc_close, grpc_send, grpc_stream, status};

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

/// The arguments of `proxy_grpc_call` and, but for the last two, of `proxy_grpc_stream`.
#[cfg(any(feature = "grpc", not(target_arch = "wasm32")))]
#[derive(Clone, Copy, Debug)]
pub struct GrpcCallArguments<'a> {
    /// Name of the cluster, or a serialized `GrpcService`.
    pub upstream: &'a [u8],
    /// Full name of the service.
    pub service: &'a [u8],
    /// Name of the method.
    pub method: &'a [u8],
    /// Serialized metadata.
    pub metadata: &'a [u8],
    /// The message of a unary call.
    pub message: &'a [u8],
    /// Timeout of a unary call; 0 waits for ever.
    pub timeout_ms: u32,
}
