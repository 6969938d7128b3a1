//! `HttpFilter`: the handlers of a request's phases, and what the macro learns about them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::exchange::Exchange;
use crate::plugin::Plugin;
use crate::reject::Reject;

/// A filter for HTTP streams. Write the impl under [`#[http_filter]`](crate::http_filter): the
/// module then exports only the callbacks whose handlers are present, and Envoy does not enter the
/// VM for the others.
///
/// `Ok` passes the phase on, `Err` answers the client. A handler may `.await` callouts; the stream
/// is paused meanwhile.
pub trait HttpFilter: Plugin {
    /// What one request remembers between its phases.
    type State: Default + 'static;

    /// Whether and how [`request_body`](Self::request_body) is given the body.
    const REQUEST_BODY: BodyAccess = BodyAccess::read(1024 * 1024);

    /// Whether and how [`response_body`](Self::response_body) is given the body.
    const RESPONSE_BODY: BodyAccess = BodyAccess::read(1024 * 1024);

    /// Filled in by [`#[http_filter]`](crate::http_filter).
    #[doc(hidden)]
    const HOOKS: Hooks = Hooks::ALL;

    /// Runs when the request's headers are there.
    fn request(&self, ex: &mut Exchange<Self::State>) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs when the whole request body is there, buffered within the limit of
    /// [`REQUEST_BODY`](Self::REQUEST_BODY). Not called for a request without body.
    fn request_body(
        &self,
        ex: &mut Exchange<Self::State>,
    ) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs when the request ends with trailers.
    fn request_trailers(
        &self,
        ex: &mut Exchange<Self::State>,
    ) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs when the response's headers are there.
    fn response(&self, ex: &mut Exchange<Self::State>) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs when the whole response body is there, buffered within the limit of
    /// [`RESPONSE_BODY`](Self::RESPONSE_BODY). Not called for a response without body.
    fn response_body(
        &self,
        ex: &mut Exchange<Self::State>,
    ) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs when the response ends with trailers.
    fn response_trailers(
        &self,
        ex: &mut Exchange<Self::State>,
    ) -> impl Future<Output = Result<(), Reject>> {
        done(ex)
    }

    /// Runs once, when the exchange is over, however it ended. Headers can be read, not changed.
    fn log(&self, ex: &mut Exchange<Self::State>) {
        let _unused = ex;
    }
}

/// What an absent handler answers. A future of its own, as the standard library's can panic.
#[derive(Clone, Copy, Debug)]
struct Done;

impl Future for Done {
    type Output = Result<(), Reject>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

const fn done<S>(_ex: &mut Exchange<S>) -> Done {
    Done
}

/// How much of a body a handler gets, and whether it may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyAccess {
    pub(crate) limit: usize,
    pub(crate) rewrite: bool,
}

impl BodyAccess {
    /// The handler reads bodies of up to `limit` bytes. A larger request is answered with a 413, a
    /// larger response with a 502. The proxy's own buffer limit applies as well.
    #[must_use]
    pub const fn read(limit: usize) -> Self {
        Self {
            limit,
            rewrite: false,
        }
    }

    /// The handler may also replace the body. Its length is not known when the headers go out, so
    /// `content-length` is removed from every message with a body.
    #[must_use]
    pub const fn rewrite(limit: usize) -> Self {
        Self {
            limit,
            rewrite: true,
        }
    }
}

/// What is known about a handler before it runs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hook {
    /// Not written: its code and its export are left out.
    Absent,
    /// Awaits nothing, so it runs on the stack and cannot pause the stream.
    Immediate,
    /// May pause the stream.
    Awaiting,
}

/// The handlers of a filter.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the macro writes it in the filter's crate"
)]
pub struct Hooks {
    pub request: Hook,
    pub request_body: Hook,
    pub request_trailers: Hook,
    pub response: Hook,
    pub response_body: Hook,
    pub response_trailers: Hook,
    pub log: Hook,
}

impl Hooks {
    /// Without the macro nothing is known.
    pub const ALL: Self = Self {
        request: Hook::Awaiting,
        request_body: Hook::Awaiting,
        request_trailers: Hook::Awaiting,
        response: Hook::Awaiting,
        response_body: Hook::Awaiting,
        response_trailers: Hook::Awaiting,
        log: Hook::Immediate,
    };

    /// Whether any handler can pause its stream.
    pub(crate) const fn can_wait(self) -> bool {
        matches!(self.request, Hook::Awaiting)
            || matches!(self.request_body, Hook::Awaiting)
            || matches!(self.request_trailers, Hook::Awaiting)
            || matches!(self.response, Hook::Awaiting)
            || matches!(self.response_body, Hook::Awaiting)
            || matches!(self.response_trailers, Hook::Awaiting)
    }
}
