//! The request's body: from the client through the filters to whoever sends it upstream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};

use super::active_stream::ActiveStream;
use super::response_flags::ResponseFlags;
use crate::cluster::{BodyAborted, BodySource};
use crate::filter::{Event, HeaderTable};

impl ActiveStream {
    /// Reads one frame from the client into the filters. Pending for ever once there are no more.
    pub(super) fn poll_read_request(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.request_body.borrow_mut();
        let Some(body) = slot.as_mut() else {
            return Poll::Pending;
        };
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let now = Instant::now();
        self.deadlines.touch(now);
        let ends = frame.as_ref().is_none_or(|frame| match frame {
            Ok(frame) => frame.is_trailers() || body.is_end_stream(),
            Err(_) => true,
        });
        if ends {
            *slot = None;
            self.deadlines.request_complete(now);
            self.state.info.times.last_downstream_rx.set(Some(now));
        }
        drop(slot);
        match frame {
            None => self.chain.request_data(Bytes::new(), true),
            Some(Ok(frame)) => self.push_request_frame(frame, ends),
            Some(Err(error)) => self.break_request(&error),
        }
        Poll::Ready(())
    }

    fn push_request_frame(&self, frame: Frame<Bytes>, ends: bool) {
        match frame.into_data() {
            Ok(data) => {
                let received = &self.state.info.bytes_received;
                received.set(received.get() + data.len() as u64);
                // As in Envoy, the end of an HTTP/1 body comes after its last bytes.
                let ends_here = ends && (self.uses_http2() || self.chain.is_empty());
                self.chain.request_data(data, ends_here);
                if ends && !ends_here {
                    self.end_request();
                }
            }
            Err(frame) => match frame.into_trailers() {
                // As in Envoy, HTTP/1 trailers are dropped.
                Ok(trailers) if self.uses_http2() => {
                    let table = HeaderTable::request_trailers(trailers);
                    *self.state.request_trailers.borrow_mut() = Some(Box::new(table));
                    self.chain.request_trailers();
                }
                Ok(_) | Err(_) => self.chain.request_data(Bytes::new(), true),
            },
        }
    }

    /// The last bytes have come. Whoever has answered to them has not waited for the end.
    fn end_request(&self) {
        if self.state.is_interrupted() {
            self.drains_connection.set(true);
        }
        self.chain.request_data(Bytes::new(), true);
    }

    fn uses_http2(&self) -> bool {
        self.state.info.protocol == Version::HTTP_2
    }

    fn break_request(&self, error: &hyper::Error) {
        tracing::debug!(%error, "request body");
        self.request_broken.set(true);
        if is_disconnect(error) {
            let info = &self.state.info;
            info.response_flags
                .set(ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION);
            info.set_details_if_none("downstream_remote_disconnect");
            self.state.reset();
            return;
        }
        self.state.send_local_reply(self.broken_request());
    }
}

/// Returns whether the client has left, as opposed to having sent what is not HTTP.
fn is_disconnect(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() != std::io::ErrorKind::InvalidInput)
        && io.is_some_and(|io| io.kind() != std::io::ErrorKind::InvalidData)
}

impl BodySource for ActiveStream {
    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyAborted>>> {
        loop {
            if self.finished.get() {
                return Poll::Ready(Some(Err(BodyAborted)));
            }
            if self.request_sent.get() {
                return Poll::Ready(None);
            }
            self.sender_waker.set(Some(cx.waker().clone()));
            match ready!(self.poll_request_event(cx)) {
                Some(Event::Data {
                    data,
                    end_of_stream,
                }) if !data.is_empty() => {
                    self.note_request_sent(end_of_stream);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Event::Data { end_of_stream, .. }) => self.note_request_sent(end_of_stream),
                Some(Event::Trailers) => {
                    self.note_request_sent(true);
                    return Poll::Ready(self.request_trailers());
                }
                Some(Event::Headers { .. }) => {}
                // Whoever serves the request's head takes the reply, and ends this.
                None => return Poll::Pending,
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        // Filters may change the length; without them it is the client's.
        match &*self.request_body.borrow() {
            Some(body) if self.chain.is_empty() => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl ActiveStream {
    /// Returns what leaves the filters next; `None` when a local reply or a reset waits instead.
    pub(super) fn poll_request_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            let event = self.chain.next_request_event();
            if event.is_some() || self.state.is_interrupted() {
                return Poll::Ready(event);
            }
            if !self.chain.wants_request_data() || self.poll_read_request(cx).is_pending() {
                self.chain.register_request_waker(cx.waker());
                return Poll::Pending;
            }
        }
    }

    fn note_request_sent(&self, is_last: bool) {
        if is_last {
            self.state
                .info
                .times
                .last_upstream_tx
                .set(Some(Instant::now()));
            self.request_sent.set(true);
        }
    }

    fn request_trailers(&self) -> Option<Result<Frame<Bytes>, BodyAborted>> {
        let trailers = self.state.request_trailers.borrow();
        trailers
            .as_ref()
            .map(|table| Ok(Frame::trailers(table.fields().clone())))
    }
}
