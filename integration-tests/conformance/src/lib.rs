//! What a Proxy-Wasm host does, statement by statement, shown on real Envoy and on Tollgate.
//!
//! A [`Statement`] has an id, a sentence, a small guest and what is observed with it. [`statements::all`]
//! lists all; each is a test, and a line of `docs/conformance.md`.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::unwrap_in_result,
    reason = "what cannot be shown fails the test, and the message says what it was"
)]

pub mod guest;
mod host;
mod plugin;
pub mod report;
mod running;
mod setup;
mod statement;
pub mod statements;

pub use host::Host;
pub use plugin::Plugin;
pub use running::{Running, unrepeated};
pub use setup::{IntoPlugins, Setup};
pub use statement::{Statement, Verdict};
pub use statements::{SECTIONS, Section};
