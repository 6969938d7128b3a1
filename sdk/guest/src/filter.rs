//! `HttpFilter`: the handlers of a request's phases, and what the macro learns about them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::chunk::Chunk;
use crate::exchange::Exchange;
use crate::plugin::Plugin;
use crate::reject::Reject;

/// Declares the handlers of the root context that every kind of plugin may have.
macro_rules! root_handlers {
    () => {
        /// Runs when an item was put into a queue that this plugin has
        /// [registered](crate::queue::Queue::register). Other workers may be faster in taking it.
        fn queue_ready(
            &self,
            queue: $crate::queue::Queue,
            cx: &$crate::PluginCx,
        ) -> impl ::std::future::Future<Output = ()> {
            let _unused = (queue, cx);
            $crate::plugin::Idle
        }

        /// Runs when the host calls a function of the plugin. Envoy's core does not; programs that
        /// embed it may.
        fn foreign_function(&self, call: &$crate::foreign::ForeignCall, cx: &$crate::PluginCx) {
            let _unused = (call, cx);
        }

        /// Runs when the host is about to drop the plugin, which waits until this is ready.
        fn stop(&self, cx: &$crate::PluginCx) -> impl ::std::future::Future<Output = ()> {
            let _unused = cx;
            $crate::plugin::Idle
        }
    };
}

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
    /// [`REQUEST_BODY`](Self::REQUEST_BODY), or when its first part is there, if the access is
    /// [`BodyAccess::chunks`]. Not called for a request without body.
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
    /// [`RESPONSE_BODY`](Self::RESPONSE_BODY), or when its first part is there. Not called for a
    /// response without body.
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

    /// Runs for each part of the request body as it arrives, and may change what passes on. The
    /// stream does not pause; a filter has this handler or [`request_body`](Self::request_body).
    ///
    /// With trailers behind the body no chunk is the last one.
    ///
    /// # Errors
    ///
    /// When the client is to be answered instead.
    fn request_chunk(
        &self,
        ex: &mut Exchange<Self::State>,
        chunk: &mut Chunk,
    ) -> Result<(), Reject> {
        let _unused = (ex, chunk);
        Ok(())
    }

    /// Runs for each part of the response body as it arrives, and may change what passes on.
    ///
    /// # Errors
    ///
    /// When the response is to be broken off: its headers have been sent.
    fn response_chunk(
        &self,
        ex: &mut Exchange<Self::State>,
        chunk: &mut Chunk,
    ) -> Result<(), Reject> {
        let _unused = (ex, chunk);
        Ok(())
    }

    /// Runs once, when the exchange is over, however it ended. Headers can be read, not changed.
    fn log(&self, ex: &mut Exchange<Self::State>) {
        let _unused = ex;
    }

    root_handlers!();
}

pub(crate) use root_handlers;

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
    pub(crate) chunks: bool,
    pub(crate) rewrite: bool,
    pub(crate) holds_headers: bool,
}

impl BodyAccess {
    /// The handler reads bodies of up to `limit` bytes. A larger request is answered with a 413, a
    /// larger response with a 502. The proxy's own buffer limit applies as well.
    #[must_use]
    pub const fn read(limit: usize) -> Self {
        Self {
            limit,
            chunks: false,
            rewrite: false,
            holds_headers: false,
        }
    }

    /// The handler may also replace the body. Its length is not known when the headers go out, so
    /// `content-length` is removed from every message with a body.
    #[must_use]
    pub const fn rewrite(limit: usize) -> Self {
        Self {
            limit,
            chunks: false,
            rewrite: true,
            holds_headers: false,
        }
    }
}

impl BodyAccess {
    /// The handler begins with the first part of a body and reads it part by part, by
    /// [`Exchange::next_chunk`], while it passes. Nothing is collected, so there is no limit.
    #[must_use]
    pub const fn chunks() -> Self {
        Self {
            chunks: true,
            ..Self::read(0)
        }
    }

    /// The handler may also [replace](crate::BodyChunk::replace) the parts, so `content-length` is
    /// removed from every message with a body.
    #[must_use]
    pub const fn rewrite_chunks() -> Self {
        Self {
            chunks: true,
            ..Self::rewrite(0)
        }
    }

    /// Holds the headers until the body's handler has run, which can then change them, or still
    /// answer a response otherwise. Without
    /// [`allow_stop_iteration`](crate::PluginCx::allow_stop_iteration) it changes nothing, and neither
    /// for a body that is read in chunks.
    #[must_use]
    pub const fn holding_headers(self) -> Self {
        Self {
            holds_headers: true,
            ..self
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
    pub request_chunk: Hook,
    pub response_chunk: Hook,
    pub connection: Hook,
    pub downstream_data: Hook,
    pub downstream_closed: Hook,
    pub upstream_data: Hook,
    pub upstream_closed: Hook,
    pub log: Hook,
    pub queue_ready: Hook,
    pub foreign_function: Hook,
    pub stop: Hook,
}

impl Hooks {
    /// No handler. The macro names those that are written.
    pub const NONE: Self = Self::filled(Hook::Absent);

    /// Without the macro nothing is known. A filter has chunks or the whole body, so not both.
    pub const ALL: Self = Self {
        request_chunk: Hook::Absent,
        response_chunk: Hook::Absent,
        ..Self::filled(Hook::Awaiting)
    };

    const fn filled(hook: Hook) -> Self {
        Self {
            request: hook,
            request_body: hook,
            request_trailers: hook,
            response: hook,
            response_body: hook,
            response_trailers: hook,
            request_chunk: hook,
            response_chunk: hook,
            connection: hook,
            downstream_data: hook,
            downstream_closed: hook,
            upstream_data: hook,
            upstream_closed: hook,
            log: hook,
            queue_ready: hook,
            foreign_function: hook,
            stop: hook,
        }
    }

    /// Whether any handler can pause its stream.
    pub(crate) const fn can_wait(self) -> bool {
        matches!(self.request, Hook::Awaiting)
            || matches!(self.request_body, Hook::Awaiting)
            || matches!(self.request_trailers, Hook::Awaiting)
            || matches!(self.response, Hook::Awaiting)
            || matches!(self.response_body, Hook::Awaiting)
            || matches!(self.response_trailers, Hook::Awaiting)
    }

    /// Whether the handler of a request's headers is the only one of a stream, and awaits nothing.
    pub(crate) const fn are_brief(self) -> bool {
        matches!(self.request, Hook::Immediate)
            && matches!(self.request_body, Hook::Absent)
            && matches!(self.request_trailers, Hook::Absent)
            && matches!(self.request_chunk, Hook::Absent)
            && matches!(self.response, Hook::Absent)
            && matches!(self.response_body, Hook::Absent)
            && matches!(self.response_trailers, Hook::Absent)
            && matches!(self.response_chunk, Hook::Absent)
            && matches!(self.log, Hook::Absent)
    }

    /// Whether chunks of the request or whole bodies make its headers worth a look.
    pub(crate) const fn holds_request(self) -> bool {
        !matches!(self.request, Hook::Absent) || !matches!(self.request_chunk, Hook::Absent)
    }

    /// The same for the response.
    pub(crate) const fn holds_response(self) -> bool {
        !matches!(self.response, Hook::Absent) || !matches!(self.response_chunk, Hook::Absent)
    }
}
