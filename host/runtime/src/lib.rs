//! Runs Proxy-Wasm plugins for any proxy: events in, actions out.
//!
//! The one decision to know: this crate does no I/O. It has no clock, no socket and no thread;
//! an embedder implements [`HostServices`] for a VM and [`HttpHost`] for each stream, calls
//! `on_*` methods of [`Vm`] when something happens, and obeys the actions they return. The rules
//! of when a guest may see what are here, so that every embedder behaves like Envoy.

mod config;
mod context;
mod engine;
mod error;
mod hostcalls;
mod imports;
mod module;
mod shared;
mod vm;
mod wasi;

pub mod host;
pub mod inspect;
pub mod property;

pub use config::{Limits, PluginConfig, VmConfig};
pub use engine::{Engine, EngineError, EngineOptions};
pub use error::{BacktraceFrame, Fault, FaultKind, LoadError};
pub use host::{
    CalloutRefusal, Direction, Header, HostServices, HttpCall, HttpCallResponse, HttpHost,
    LocalResponse, LogOrigin, PropertyResult, StreamMap,
};
pub use module::Module;
pub use property::PropertyValue;
pub use shared::{
    CasMismatch, HistogramSnapshot, MetricRegistry, MetricSnapshot, MetricValue, SetError,
    SharedData, SharedLimits, SharedState,
};
pub use tollgate_abi as abi;
pub use vm::Vm;

/// Identifies a context within its VM. 0 is the VM itself; ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u32);
