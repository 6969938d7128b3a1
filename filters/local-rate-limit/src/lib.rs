//! Limits the rate of requests by key, with state in shared data.
//!
//! `config` reads what the operator writes and makes a `Policy`; `policy` and `key` say what a
//! request counts against, `gcra` whether it passes, `slots` how keys are remembered without
//! growing. None of them knows of Proxy-Wasm; `filter` does.

#![forbid(unsafe_code)]

mod address;
mod config;
mod filter;
mod gcra;
mod headers;
mod key;
mod policy;
mod slots;
#[cfg(test)]
mod test_client;

pub use filter::{Counted, LocalRateLimit};

tollgate::plugins! { LocalRateLimit }
