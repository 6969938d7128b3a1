//! The runtime as its embedder sees it, driven by tiny guests written in WebAssembly text.
#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod abi_0_1_0;
mod brief;
mod buffer;
mod callout;
mod diagnosis;
mod dns;
mod engine;
mod fault;
mod grpc;
mod grpc_control;
mod header_map;
mod hostcall_log;
mod inspect;
mod intercept;
mod kept_state;
mod lifecycle;
mod limits;
mod loading;
mod mark;
mod memory;
mod metric;
mod program;
mod property;
mod record;
mod results;
mod rewind;
mod shared_data;
mod shared_queue;
mod snapshot;
mod snapshot_changes;
mod stream;
mod support;
mod tcp;
mod wasi;
