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
