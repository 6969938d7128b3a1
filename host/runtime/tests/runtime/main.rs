//! The runtime as its embedder sees it, driven by tiny guests written in WebAssembly text.
#![expect(clippy::unwrap_used, reason = "a failed read fails the test")]

mod abi_0_1_0;
mod buffer;
mod callout;
mod fault;
mod header_map;
mod hostcall_log;
mod inspect;
mod lifecycle;
mod loading;
mod memory;
mod metric;
mod property;
mod shared_data;
mod stream;
mod support;
mod wasi;
