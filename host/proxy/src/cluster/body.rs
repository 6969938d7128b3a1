//! Bodies on the way to and from an upstream.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::lease::Lease;

/// The body of a request to an upstream.
#[derive(Debug, Default)]
pub(crate) enum UpstreamBody {
    /// None.
    #[default]
    Empty,
    /// All of it at once.
    Full(Option<Bytes>),
    /// As it comes from the client.
    Stream(Rc<dyn BodySource>),
}

/// Where a streamed request body comes from.
pub(crate) trait BodySource: fmt::Debug {
    /// Returns the next frame.
    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyAborted>>>;

    /// Returns what is known of the length.
    fn size_hint(&self) -> SizeHint;
}

/// The request's body will not be completed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request was aborted")]
pub(crate) struct BodyAborted;

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyAborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyAborted>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Full(data) => Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
            Self::Stream(source) => source.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(data) => data.is_none(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(data) => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Self::Stream(source) => source.size_hint(),
        }
    }
}

/// The body of an upstream's response. Its end gives the connection back; dropping it before the
/// end closes an HTTP/1 connection and resets an HTTP/2 stream.
pub(crate) struct UpstreamResponseBody {
    incoming: Incoming,
    lease: Cell<Option<Lease>>,
}

impl UpstreamResponseBody {
    pub(super) fn new(incoming: Incoming, lease: Lease) -> Self {
        let body = Self {
            incoming,
            lease: Cell::new(Some(lease)),
        };
        body.release_at_end();
        body
    }

    /// Returns the empty body of a response after which the connection leaves HTTP.
    pub(super) fn switching(incoming: Incoming, lease: Lease) -> Self {
        Self {
            incoming,
            lease: Cell::new(Some(lease)),
        }
    }

    /// Takes the connection out, for an upgrade.
    pub(crate) fn take_lease(&self) -> Option<Lease> {
        self.lease.take()
    }

    fn release_at_end(&self) {
        if self.incoming.is_end_stream() {
            self.release();
        }
    }

    fn release(&self) {
        if let Some(lease) = self.lease.take() {
            lease.release();
        }
    }
}

impl Body for UpstreamResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming, lease } = &mut *self;
        let polled = match lease.get_mut().as_ref().and_then(Lease::waker) {
            Some(waker) => {
                // The connection has read the last piece already: its being taken is no news.
                waker.mute();
                let polled = Pin::new(&mut *incoming).poll_frame(cx);
                waker.unmute(!incoming.is_end_stream());
                polled
            }
            None => Pin::new(incoming).poll_frame(cx),
        };
        match &polled {
            Poll::Ready(None) => self.release(),
            Poll::Ready(Some(Ok(_))) => self.release_at_end(),
            Poll::Ready(Some(Err(_))) => drop(self.lease.take()),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for UpstreamResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamResponseBody")
            .field("incoming", &self.incoming)
            .finish_non_exhaustive()
    }
}
