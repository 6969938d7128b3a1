//! One test for a filter, two engines: native, and the built .wasm in the runtime.
//!
//! A [`TestHost`] is a proxy in memory with its own time: it takes requests through the filter,
//! answers its callouts, lets ticks happen when they are due, and shows what became of it all.
//!
#![doc = include_str!("../README.md")]
#![cfg(not(target_family = "wasm"))]

mod artifact;
mod clock;
#[cfg(feature = "wasm")]
mod compiled;
mod dns;
mod engine;
mod exchange;
mod fault;
mod grpc;
mod host;
#[cfg(feature = "wasm")]
mod imports;
mod model;
mod open;
mod outcome;
mod reply;
mod request;
mod tcp;
mod upstream;

pub use artifact::{Artifact, assert_size_below, module_size};
pub use dns::DnsAnswer;
pub use fault::{Failure, Fault, Inject, Sweep, for_each_fault};
pub use grpc::{GrpcAnswer, GrpcRequest, GrpcStep};
pub use host::{Histogram, StartError, TestHost};
#[cfg(feature = "wasm")]
pub use imports::assert_imports_subset_of;
pub use open::{OpenStream, Stage};
pub use outcome::{End, Outcome};
pub use request::Request;
pub use tcp::TcpConnection;
pub use tollgate::native::Registration;
pub use tollgate_abi::{GrpcStatus, LogLevel, Status};
#[cfg(feature = "wasm")]
pub use tollgate_runtime::inspect::Host;
pub use tollgate_runtime::{LocalResponse, PropertyValue};
pub use upstream::{UpstreamRequest, UpstreamResponse, in_turn};
