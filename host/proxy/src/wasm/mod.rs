//! The embedding: Wasm plugins as HTTP filters; only this folder names the runtime crate.
//!
//! The one decision to know: a VM belongs to one worker. What crosses workers is in
//! [`WasmRuntime`] – compiled modules, shared data, metrics – and a request takes no lock there.

mod base;
mod breaker;
mod canary;
mod clock;
mod compile_cache;
mod connection_host;
mod current_clusters;
mod custom_metrics;
mod dns;
mod error;
mod fault_log;
mod faults;
mod grpc;
mod health;
mod http_filter;
mod http_host;
mod in_flight;
mod instances;
mod isolation;
mod known_state;
mod limits;
mod log;
mod module_file;
mod network_filter;
mod plugin;
mod properties;
mod queue_news;
mod registry;
mod runtime;
mod services;
mod spares;
mod state_watch;
mod stats;
mod stream_vm;
mod stream_vms;
#[cfg(test)]
mod tests;
mod timers;
mod vm;
mod vm_key;
mod vm_table;

pub(crate) use error::PluginError;
pub(crate) use faults::{FaultGroup, FaultSample, FaultSink};
pub(crate) use health::FailingPlugins;
pub(crate) use module_file::is_whole_module;
pub use module_file::read_module;
pub(crate) use plugin::PluginHandle;
pub(crate) use registry::PluginRegistry;
pub(crate) use runtime::{LoadedPlugins, WasmRuntime};
pub(crate) use stream_vms::StreamVms;
pub(crate) use tollgate_runtime::{HostcallRecord, SourceFrame};
