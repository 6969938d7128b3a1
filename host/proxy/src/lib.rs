//! The hyper reference proxy that embeds the Tollgate runtime.
#![forbid(unsafe_code)]

mod admin;
mod callout;
mod cluster;
mod error;
mod filter;
mod http;
mod listener;
mod random;
mod route;
mod server;
mod telemetry;
mod timeouts;
mod tls;
mod transport;
mod wasm;
mod worker;
mod worker_thread;

pub use error::ServerError;
pub use server::{RunningServer, Server, ServerOptions};
