//! The TCP proxy: a client's connection is passed on as bytes, both ways, each end by itself.
//!
//! The one decision to know: one future drives both directions of a connection. So nothing is
//! shared between tasks, and what is read but not yet written is the only buffer there is.

mod deadlines;
mod filter_state;
mod proxy;
mod session;
mod upstream;

pub(crate) use filter_state::{CLUSTER, IDLE_TIMEOUT_MS};
pub(crate) use proxy::TcpProxy;
