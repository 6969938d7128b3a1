//! Write Envoy Proxy-Wasm filters: async, Result-based, small.
//!
#![doc = include_str!("../README.md")]
//! # How it works
//!
//! The host's callbacks arrive in the `exports` that `plugins!` writes and go to a driver, which
//! runs one handler of a stream at a time: first poll inside the callback, and if that is ready
//! the stream never pauses. The hostcalls go through one module, `sys`, to wasm imports or, on
//! every other target, to the [`native`] host of the running test.

// The macros name this crate by its public name, also inside it.
extern crate self as tollgate;

mod chunk;
mod config;
mod connection;
mod driver;
mod error;
mod exchange;
mod filter;
mod header;
#[cfg(any(target_arch = "wasm32", test))]
mod memory;
mod module_static;
mod panic;
mod plugin;
mod reject;
mod service;
mod single_flight;
mod stream_filter;
mod sys;
mod time;

#[cfg(feature = "dns")]
pub mod dns;
#[doc(hidden)]
pub mod exports;
pub mod foreign;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod http;
pub mod log;
pub mod metric;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod property;
pub mod queue;
pub mod shared;
pub mod task;

pub use chunk::{BodyChunk, Chunk, NextChunk};
pub use config::{ConfigError, RawConfig};
pub use connection::Connection;
pub use error::Error;
pub use exchange::Exchange;
pub use filter::{BodyAccess, HttpFilter};
#[doc(hidden)]
pub use filter::{Hook, Hooks};
pub use header::{HeaderValue, Headers};
pub use plugin::{Plugin, PluginCx, WhileStarting};
pub use reject::Reject;
pub use service::Service;
pub use single_flight::SingleFlight;
pub use stream_filter::{Close, Flow, StreamFilter};
pub use time::{Timestamp, now};
pub use tollgate_abi::{GrpcStatus, PeerType, Status};
#[doc(hidden)]
pub use tollgate_macros::__exports;
pub use tollgate_macros::{http_filter, plugins, service, stream_filter};

/// What a filter's source usually needs: `use tollgate::prelude::*;`.
pub mod prelude {
    pub use crate::{
        BodyAccess, Chunk, Close, ConfigError, Connection, Error, Exchange, Flow, GrpcStatus,
        HeaderValue, HttpFilter, Plugin, PluginCx, Reject, Service, StreamFilter, Timestamp,
        http_filter, log, path, plugins, service, stream_filter,
    };
}
