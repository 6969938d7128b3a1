//! Network filters: what sees a client's bytes before the TCP proxy or the connection manager.
//!
//! The one decision to know: the filters of a connection share one buffer for each direction, as
//! in Envoy. Data that a filter stops stays there, and the next that arrives is offered to all
//! filters again together with it.

mod chain;
mod fill;
mod plugins;
mod state;
mod transport;

pub(crate) use chain::NetworkChain;
pub(crate) use fill::poll_fill;
pub(crate) use plugins::NetworkPlugins;
pub(crate) use state::{ConnectionState, End};
pub(crate) use tollgate_abi::{NetworkAction, PeerType};
pub(crate) use transport::FilteredTransport;

use crate::filter::Direction;

/// One filter of one connection. The data it may see is in the [`ConnectionState`] it was made
/// with.
pub(crate) trait NetworkFilter {
    /// The connection has reached this filter.
    fn on_new_connection(&self) -> NetworkAction;

    /// Data of the client (a request's direction) or of the upstream waits, or its end does.
    fn on_data(&self, direction: Direction, end_of_stream: bool) -> NetworkAction;

    /// The client's connection is closed: the last call.
    fn on_close(&self, by: PeerType);
}
