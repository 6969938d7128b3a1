//! The harness: proxies under test, a scripted origin, and clients.
//!
//! A [`Pair`] is real Envoy and Tollgate, started from the same file. A scenario is a function of
//! one [`Proxy`]; [`Pair::compare`] runs it on both and fails when they differ.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    reason = "what the harness cannot do fails the test, and the message says what it was"
)]

mod artifact;
mod background;
mod certificate;

pub mod client;
mod envoy;
mod foreign;
mod guest_log;
pub mod message;
pub mod origin;
mod pair;
mod port;
mod process;
mod project;
mod proxy;
mod server;
mod template;
mod wheel;

pub use artifact::{
    debug_wasm_module, envoy_config_dir, repository_root, tollgate_command, tollgate_program,
    wasm_module,
};
pub use envoy::envoy_program;
pub use guest_log::GuestLine;
pub use pair::{Pair, SharedPair, chosen as chosen_proxies};
pub use port::free as free_port;
pub use process::{Supervised, kill_signal};
pub use project::Project;
pub use proxy::Proxy;
pub use server::{Kind, Launch, Refusal, Server};
pub use template::{Ports, fill as fill_template};
