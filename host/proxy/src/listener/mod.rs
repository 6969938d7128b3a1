//! Listeners: accept, TLS, and which filter chain serves a connection.

mod accept;
mod bind;
mod client_io;
mod filter_chain;
mod key;
mod pin;

pub(crate) use accept::{Accepting, Listener};
pub(crate) use bind::{BoundListener, own_address};
pub(crate) use client_io::{ClientIo, HeadRecord, PartialHead};
pub(crate) use filter_chain::{ChainService, FilterChains, ListenerTls, Terminal};
pub(crate) use key::ListenerKey;
pub(crate) use pin::ChainPin;
