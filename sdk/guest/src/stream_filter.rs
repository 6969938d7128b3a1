//! `StreamFilter`: the handlers of a TCP connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tollgate_abi::PeerType;

use crate::chunk::Chunk;
use crate::connection::Connection;
use crate::error::Error;
use crate::filter::{Hooks, root_handlers};
use crate::http::CalloutError;
use crate::plugin::Plugin;

/// A filter for TCP connections. Write the impl under [`#[stream_filter]`](macro@crate::stream_filter).
///
/// `Ok` passes data on or holds it, `Err` closes the connection. The handlers of the client's side
/// may `.await`; the connection is paused meanwhile.
pub trait StreamFilter: Plugin {
    /// What one connection remembers.
    type State: Default + 'static;

    /// Filled in by [`#[stream_filter]`](macro@crate::stream_filter).
    #[doc(hidden)]
    const HOOKS: Hooks = Hooks::ALL;

    /// Runs when a client has connected, before anything is read.
    fn connection(
        &self,
        connection: &mut Connection<Self::State>,
    ) -> impl Future<Output = Result<(), Close>> {
        let _unused = connection;
        Ready(Ok(()))
    }

    /// Runs when the client has sent something, with all that is held. While the handler awaits,
    /// what comes is held as well.
    fn downstream_data(
        &self,
        connection: &mut Connection<Self::State>,
        data: &mut Chunk,
    ) -> impl Future<Output = Result<Flow, Close>> {
        let _unused = (connection, data);
        Ready(Ok(Flow::Pass))
    }

    /// Runs when the upstream has sent something.
    ///
    /// # Errors
    ///
    /// When the connection is to be closed.
    fn upstream_data(
        &self,
        connection: &mut Connection<Self::State>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        let _unused = (connection, data);
        Ok(Flow::Pass)
    }

    /// Runs when the client's side is closed.
    fn downstream_closed(&self, connection: &mut Connection<Self::State>, by: PeerType) {
        let _unused = (connection, by);
    }

    /// Runs when the upstream's side is closed. Envoy does not say by whom.
    fn upstream_closed(&self, connection: &mut Connection<Self::State>, by: PeerType) {
        let _unused = (connection, by);
    }

    /// Runs once, when the connection is over.
    fn log(&self, connection: &mut Connection<Self::State>) {
        let _unused = connection;
    }

    root_handlers!();
}

/// What becomes of a connection's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "data is passed on or not")]
pub enum Flow {
    /// It passes on.
    Pass,
    /// It is held until more has come: the handler is then given both.
    Hold,
}

/// Closes a connection; the error of a [`StreamFilter`]'s handlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close;

impl Close {
    /// Closes the connection.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// A refused hostcall is the filter's or the host's mistake.
impl From<Error> for Close {
    fn from(error: Error) -> Self {
        error.warn();
        Self
    }
}

/// A service the filter depends on does not answer.
impl From<CalloutError> for Close {
    fn from(error: CalloutError) -> Self {
        error.warn();
        Self
    }
}

/// What an absent handler answers. A future of its own, as the standard library's can panic.
#[derive(Debug)]
struct Ready<T>(T);

impl<T: Copy + Unpin> Future for Ready<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(self.0)
    }
}
