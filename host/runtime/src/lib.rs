//! Runs Proxy-Wasm plugins for any proxy: events in, actions out.
//!
//! The one decision to know: this crate does no I/O. It has no clock, no socket and no thread;
//! an embedder implements [`HostServices`] for a VM and [`HttpHost`] or [`TcpHost`] for each stream, calls
//! `on_*` methods of [`Vm`] when something happens, and obeys the actions they return. The rules
//! of when a guest may see what are here, so that every embedder behaves like Envoy.
//!
//! A program that starts a plugin which writes one log line:
//!
//! ```
//! use std::rc::Rc;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use tollgate_runtime::abi::{LogLevel, Status};
//! use tollgate_runtime::{
//!     CalloutRefusal, ContextId, Engine, EngineOptions, HostServices, HttpCall, LogOrigin, Module,
//!     PluginConfig, PropertyResult, SharedState, Vm, VmConfig,
//! };
//!
//! struct Console;
//!
//! impl HostServices for Console {
//!     fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
//!         println!("{} wasm log{origin}: {}", level.name(), message.escape_ascii());
//!     }
//!     fn log_level(&self) -> Option<LogLevel> {
//!         Some(LogLevel::Info)
//!     }
//! #   fn realtime_nanos(&self) -> u64 { 0 }
//! #   fn monotonic_nanos(&self) -> u64 { 0 }
//! #   fn fill_random(&self, out: &mut [u8]) { out.fill(4) }
//! #   fn set_tick_period(&self, _root: ContextId, _period: Option<Duration>) {}
//! #   fn start_http_call(
//! #       &self,
//! #       _root: ContextId,
//! #       _token: u32,
//! #       _call: HttpCall,
//! #   ) -> Result<(), CalloutRefusal> {
//! #       Err(CalloutRefusal { status: Status::BadArgument, reason: "no clusters".to_owned() })
//! #   }
//! #   fn property(&self, _path: &[&[u8]]) -> PropertyResult { Err(Status::NotFound) }
//!     // … clocks, random numbers, timers, callouts and properties.
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wasm = wat::parse_str(
//!     r#"(module
//!          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
//!          (memory (export "memory") 1)
//!          (data (i32.const 0) "hello")
//!          (func (export "proxy_abi_version_0_2_1"))
//!          (func (export "malloc") (param i32) (result i32) (i32.const 1024))
//!          (func (export "proxy_on_configure") (param i32 i32) (result i32)
//!            (drop (call $log (i32.const 2) (i32.const 0) (i32.const 5)))
//!            (i32.const 1)))"#,
//! )?;
//! let engine = Engine::new(EngineOptions::default())?;
//! let module = Module::new(&engine, &wasm)?;
//! let shared = Arc::new(SharedState::default());
//! let mut vm = Vm::new(&module, VmConfig::default(), shared, Rc::new(Console))?;
//! let root = vm.start_plugin(PluginConfig { name: "greeter".to_owned(), ..Default::default() })?;
//! assert!(vm.has_context(root));
//! # Ok(())
//! # }
//! ```
//!
//! For each HTTP stream the embedder then makes an [`HttpHost`], gives it to
//! [`Vm::create_http_context`], and calls `on_request_headers` and so on. For a TCP connection it is
//! a [`TcpHost`], [`Vm::create_tcp_context`] and `on_new_connection`.
//!
//! Without the feature `engine` there are only the traits, their types and [`SharedState`]: for tests
//! that play the embedder to native code.
#![warn(clippy::wildcard_enum_match_arm)]
#![cfg_attr(
    not(feature = "engine"),
    expect(dead_code, reason = "some of what VMs share only a VM touches")
)]

mod config;
#[cfg(feature = "engine")]
mod context;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod foreign;
#[cfg(feature = "engine")]
mod hostcalls;
#[cfg(feature = "engine")]
mod imports;
#[cfg(feature = "engine")]
mod intercept;
#[cfg(feature = "engine")]
mod load_error;
#[cfg(feature = "engine")]
mod module;
#[cfg(feature = "engine")]
mod pages;
#[cfg(feature = "engine")]
mod record;
mod shared;
#[cfg(feature = "engine")]
mod snapshot;
#[cfg(feature = "engine")]
mod symbols;
#[cfg(feature = "engine")]
mod vm;
#[cfg(feature = "engine")]
mod wasi;

pub mod host;
#[cfg(feature = "engine")]
pub mod inspect;
#[cfg(feature = "engine")]
pub mod program;
pub mod property;

pub use config::{Limits, PluginConfig, VmConfig};
#[cfg(feature = "engine")]
pub use engine::{Capabilities, Engine, EngineError, EngineOptions};
#[cfg(feature = "engine")]
pub use error::{BacktraceFrame, Fault, FaultDetails, FaultKind, HostcallRecord};
pub use host::{
    CalloutRefusal, Direction, GrpcCall, GrpcMethod, GrpcService, GrpcStream, Header,
    HeaderVisitor, HostServices, HttpCall, HttpCallResponse, HttpHost, LifeSpan, LocalResponse,
    LogOrigin, PropertyDeclaration, PropertyResult, PropertyType, ResolvedAddress, StreamMap,
    TcpHost, TcpPeer,
};
#[cfg(feature = "engine")]
pub use intercept::{HostcallInterceptor, Intercepted};
#[cfg(feature = "engine")]
pub use load_error::LoadError;
#[cfg(feature = "engine")]
pub use module::{Isolation, Module, UnknownIsolation};
pub use property::PropertyValue;
#[cfg(feature = "engine")]
pub use record::{
    BundleError, CrashBundle, Divergence, Finished, KeptState, Recording, Replay, ReplayOutcome,
    StateCheck,
};
pub use shared::{
    CasMismatch, DequeueError, EnqueueError, HistogramSnapshot, MetricRegistry, MetricSnapshot,
    MetricValue, QueueLimits, QueueNotifier, SetError, SharedData, SharedLimits, SharedQueues,
    SharedState, VmIdLease,
};
#[cfg(feature = "engine")]
pub use snapshot::{
    Delta, Image, Snapshot, SnapshotError, SnapshotReport, StartRead, StartReadKind,
};
#[cfg(feature = "engine")]
pub use symbols::{Fingerprint, SourceFrame, Symbols, culprit};
pub use tollgate_abi as abi;
#[cfg(feature = "engine")]
pub use vm::{MemoryMark, Vm};

/// Identifies a context within its VM. 0 is the VM itself; ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u32);
