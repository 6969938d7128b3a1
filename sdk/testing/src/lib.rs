//! One test for a filter, two engines: native, and the built .wasm in the runtime.
//!
//! A [`TestHost`] is a proxy in memory with its own time: it takes a request through the filter,
//! answers its callouts, lets ticks happen when they are due, and shows what became of it all.
//!
//! ```
//! use tollgate::prelude::*;
//! use tollgate_testing::TestHost;
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     const NAME: &'static str = "greeter";
//!     type Config = ();
//!
//!     async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
//!         Ok(Self)
//!     }
//! }
//!
//! #[http_filter]
//! impl HttpFilter for Greeter {
//!     type State = ();
//!
//!     async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
//!         let user = ex.header("x-user")?.ok_or_else(|| Reject::new(401))?;
//!         Ok(ex.set_header("x-greeting", format!("hello {}", user.escape_ascii()))?)
//!     }
//! }
//!
//! // The module itself: `TestHost::wasm("my-filter", "{}")` builds the package first.
//! let t = TestHost::native::<Greeter>("{}");
//! t.get("/").send().assert_status(401).assert_not_forwarded();
//! t.get("/").header("x-user", "ann").send().assert_upstream_header("x-greeting", "hello ann");
//! t.assert_nothing_leaked();
//! ```

#![cfg(not(target_family = "wasm"))]

mod artifact;
mod clock;
mod compiled;
mod dns;
mod engine;
mod exchange;
mod fault;
mod grpc;
mod host;
mod model;
mod open;
mod outcome;
mod reply;
mod request;
mod tcp;
mod upstream;

pub use artifact::{Artifact, assert_imports_subset_of, assert_size_below, module_size};
pub use dns::DnsAnswer;
pub use fault::{Failure, Fault, Inject, Sweep, for_each_fault};
pub use grpc::{GrpcAnswer, GrpcRequest, GrpcStep};
pub use host::{Histogram, StartError, TestHost};
pub use open::{OpenStream, Stage};
pub use outcome::{End, Outcome};
pub use request::Request;
pub use tcp::TcpConnection;
pub use tollgate_abi::{GrpcStatus, LogLevel, Status};
pub use tollgate_runtime::inspect::Host;
pub use tollgate_runtime::{LocalResponse, PropertyValue};
pub use upstream::{UpstreamRequest, UpstreamResponse, in_turn};
