//! The hyper reference proxy that embeds the Tollgate runtime.
//!
//! The life of a request, with the files it passes:
//!
//! 1. [`Server::start`] (`server.rs`) starts one thread per worker (`worker_thread.rs`) and has them
//!    serve the first generation (`generation/`): every plugin is checked and every listener bound
//!    before anything serves. Each worker has its own sockets, clusters, connections and plugins, so
//!    that a request meets no lock on its way. A reload is the next generation.
//! 2. `listener/accept.rs` accepts a connection, speaks TLS (`tls/`) and chooses the filter chain
//!    (`listener/filter_chain.rs`) that serves it.
//! 3. `http/connection_manager.rs` runs hyper on the connection. Each request becomes a stream in
//!    `http/request_head.rs`, where its head is checked and normalised (`http/normalize.rs`).
//! 4. `http/active_stream.rs` takes the stream from top to bottom: through the filters
//!    (`filter/chain.rs`; plugins are filters in `wasm/`), to a route (`route/`), to an endpoint
//!    (`http/router.rs`, `cluster/`), and the response back through the filters to the client.
//! 5. Bodies flow in `http/request_body.rs` and `http/response_body.rs`: each side is read only
//!    when the other can take more.
//! 6. Whatever goes wrong becomes a response in `http/local_response.rs`, a line in the access log
//!    (`http/access_log.rs`) and a number in the statistics (`telemetry/`), which `admin/` shows.
//!
//! # Examples
//!
//! ```no_run
//! use tollgate_proxy::{Server, ServerOptions, Signals};
//!
//! fn serve(bootstrap: tollgate_config::Bootstrap) -> Result<(), tollgate_proxy::ServerError> {
//!     let signals = Signals::register()?;
//!     let server = Server::start(vec![bootstrap], ServerOptions::default())?;
//!     server.wait_for_signal(signals);
//!     Ok(())
//! }
//! ```
#![forbid(unsafe_code)]

mod admin;
mod base64;
mod callout;
mod cluster;
mod error;
mod filter;
mod generation;
mod http;
mod listener;
mod network;
mod random;
mod route;
mod server;
mod signals;
mod tcp;
mod telemetry;
mod timeouts;
mod tls;
mod transport;
mod wasm;
mod worker;
mod worker_thread;

pub use error::ServerError;
pub use generation::{
    Changes, Configuration, ConfigurationSource, GenerationId, ReloadError, ReloadReport,
};
pub use server::{RunningServer, Server, ServerOptions};
pub use signals::Signals;
pub use wasm::read_module;
