//! `HttpConnectionManager`: how a connection becomes HTTP streams, and the filters of a stream.

use std::time::Duration;

use crate::{AccessLog, PluginConfig, RouteConfiguration};

/// `envoy.filters.network.http_connection_manager`. `None` in a timeout means it is disabled.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConnectionManager {
    /// Which HTTP versions are spoken.
    pub codec_type: CodecType,
    /// Prefix of this manager's statistics: `http.<stat_prefix>.`.
    pub stat_prefix: String,
    /// The routes.
    pub route_config: RouteConfiguration,
    /// Filters in request order; the last is the router.
    pub http_filters: Vec<HttpFilter>,
    /// Access logs.
    pub access_log: Vec<AccessLog>,
    /// `server_name`, by default `envoy`.
    pub server_name: String,
    /// What to do with an upstream's `server` header.
    pub server_header_transformation: ServerHeaderTransformation,
    /// Whether the peer's address is the client's, and is appended to `x-forwarded-for`.
    pub use_remote_address: bool,
    /// Number of trusted proxies in front.
    pub xff_num_trusted_hops: u32,
    /// Do not append to `x-forwarded-for`.
    pub skip_xff_append: bool,
    /// Whether a missing `x-request-id` is made up.
    pub generate_request_id: bool,
    /// Whether an `x-request-id` from outside is kept.
    pub preserve_external_request_id: bool,
    /// Whether `x-request-id` is put into responses.
    pub always_set_request_id_in_response: bool,
    /// Time without any activity before a stream is ended; by default 5 minutes.
    pub stream_idle_timeout: Option<Duration>,
    /// Time for a whole request to arrive; by default unlimited.
    pub request_timeout: Option<Duration>,
    /// Time for the request's headers to arrive; by default unlimited.
    pub request_headers_timeout: Option<Duration>,
    /// Idle time of a connection without streams; by default one hour.
    pub idle_timeout: Option<Duration>,
    /// Grace for connections at shutdown; by default 5 seconds.
    pub drain_timeout: Duration,
    /// Largest request head in bytes; by default 60 KiB.
    pub max_request_headers_bytes: usize,
    /// Most request headers; by default 100.
    pub max_headers_count: usize,
    /// HTTP/2 streams at once on a connection.
    pub max_concurrent_streams: u32,
    /// Whether HTTP/1.0 is answered.
    pub accept_http_10: bool,
    /// Whether trailers are kept on HTTP/1 connections (`enable_trailers`); HTTP/2 always keeps them.
    pub http1_trailers: bool,
    /// Whether `/a//b` is read as `/a/b`.
    pub merge_slashes: bool,
    /// Whether dot segments are resolved (RFC 3986 §6.2.2).
    pub normalize_path: bool,
    /// Whether WebSocket upgrades are allowed (`upgrade_configs`), by upgrade type in lower case.
    pub upgrade_types: Vec<String>,
    /// Text of the `via` header, if one is added.
    pub via: String,
}

/// `codec_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecType {
    /// By ALPN, or by the first bytes.
    Auto,
    /// HTTP/1 only.
    Http1,
    /// HTTP/2 only, with prior knowledge.
    Http2,
}

/// `server_header_transformation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerHeaderTransformation {
    /// Always ours.
    Overwrite,
    /// Ours when there is none.
    AppendIfAbsent,
    /// Untouched.
    PassThrough,
}

/// One filter of the HTTP chain.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpFilter {
    /// Its name, by which routes disable it.
    pub name: String,
    /// Whether it is off unless a route turns it on.
    pub disabled: bool,
    /// What it does.
    pub kind: HttpFilterKind,
}

/// The HTTP filters that exist.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a chain has few, and is read once"
)]
pub enum HttpFilterKind {
    /// `envoy.filters.http.wasm`.
    Wasm(PluginConfig),
    /// `envoy.filters.http.router`.
    Router {
        /// Leaves out `x-envoy-upstream-service-time` and other `x-envoy-*` headers.
        suppress_envoy_headers: bool,
    },
}
