//! One test for a filter, two engines: native, and the built .wasm in the runtime.
//!
//! A [`TestHost`] is a proxy in memory with its own time: it takes a request through the filter,
//! answers its callouts, lets ticks happen when they are due, and shows what became of it all.

mod artifact;
mod clock;
mod engine;
mod exchange;
mod host;
mod model;
mod outcome;
mod reply;
mod request;
mod upstream;

pub use artifact::{Artifact, assert_size_below, module_size};
pub use host::{StartError, TestHost};
pub use outcome::{End, Outcome};
pub use request::Request;
pub use tollgate_abi::LogLevel;
pub use tollgate_runtime::{LocalResponse, PropertyValue};
pub use upstream::{UpstreamRequest, UpstreamResponse};
