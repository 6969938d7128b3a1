//! The hyper reference proxy that embeds the Tollgate runtime.
#![forbid(unsafe_code)]

mod admin;
mod callout;
mod cluster;
mod filter;
mod http;
mod listener;
mod route;
mod telemetry;
mod tls;
mod wasm;
