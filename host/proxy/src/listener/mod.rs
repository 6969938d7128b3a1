//! Listeners: accept, TLS, and which filter chain serves a connection.

mod accept;
mod bind;
mod client_io;
mod filter_chain;

pub(crate) use accept::Listener;
pub(crate) use bind::{BoundListener, own_address};
pub(crate) use client_io::{ClientIo, HeadRecord};
pub(crate) use filter_chain::{ChainService, FilterChains, ListenerTls, Terminal};
