//! Lets a request through when it carries a known API key.
//!
//! `config` reads what the operator writes and makes a `Policy`; `policy` decides about a request
//! head and knows nothing of Proxy-Wasm; `filter` acts on the decision.

#![forbid(unsafe_code)]

mod challenge;
mod config;
mod expiry;
mod filter;
mod key_ring;
mod name;
mod policy;
mod recent;
mod source;
#[cfg(test)]
mod test_head;

pub use filter::ApiKeyAuth;

tollgate::plugins! { ApiKeyAuth }
