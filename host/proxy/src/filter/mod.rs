//! HTTP filters: what they see of a stream, what they answer, and the chain that runs them.
//!
//! The one decision to know: nothing here waits. A chain is pushed into on one side and asked for
//! events on the other; whoever drives it does the I/O. A filter that pauses returns a stop and
//! asks to go on later through [`StreamState`].

mod buffer;
mod chain;
mod event_queue;
mod filter_state;
mod header_table;
mod info;
mod inline_headers;
mod lane;
mod local_reply;
mod pseudo_header;
mod run;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use chain::{Event, HttpFilterChain};
pub(crate) use filter_state::{ObjectKind, StateObject, StateScope};
pub(crate) use header_table::{HeaderFault, HeaderTable};
pub(crate) use info::{
    Certificate, ConnectionInfo, ListenerInfo, StreamInfo, TlsInfo, UpstreamInfo, protocol_name,
};
pub(crate) use local_reply::LocalReply;
pub(crate) use pseudo_header::PseudoHeader;
pub(crate) use state::{FilterPort, RouteCache, StreamState};
pub(crate) use tollgate_abi::{Action, DataAction, HeadersAction, TrailersAction};

/// One half of an HTTP exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

/// One filter of one stream. Headers and trailers are in the [`StreamState`] the filter was made
/// with, the body it may see is in its [`FilterPort`].
pub(crate) trait HttpFilter {
    /// Returns where the chain puts the body for this filter and finds its wish to go on.
    fn port(&self) -> &FilterPort;

    /// Returns whether the filter looks at bodies of this direction. One that does not is told of
    /// them all the same, but they pass without being laid into its port.
    fn sees_body(&self, _direction: Direction) -> bool {
        true
    }

    /// Returns whether the filter is to be told of what comes of the response. One that says no holds
    /// nothing of it, and may say yes later.
    fn hears_response(&self) -> bool {
        true
    }

    /// Request headers have arrived.
    fn on_request_headers(&self, end_of_stream: bool) -> HeadersAction;

    /// Request body has arrived, or its end has.
    fn on_request_body(&self, end_of_stream: bool) -> DataAction;

    /// Request trailers have arrived, which end the request.
    fn on_request_trailers(&self) -> TrailersAction;

    /// Response headers have arrived.
    fn on_response_headers(&self, end_of_stream: bool) -> HeadersAction;

    /// Response body has arrived, or its end has.
    fn on_response_body(&self, end_of_stream: bool) -> DataAction;

    /// Response trailers have arrived, which end the response.
    fn on_response_trailers(&self) -> TrailersAction;

    /// The stream is over; its maps are final.
    fn on_log(&self);

    /// The stream goes away: the last call, after every filter's `on_log`.
    fn on_destroy(&self);
}
