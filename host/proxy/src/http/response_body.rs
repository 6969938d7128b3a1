//! The response's body: from the upstream through the filters to the client.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::active_stream::{ActiveStream, Next, StreamGuard, StreamReset};
use crate::cluster::{UpstreamError, UpstreamResponseBody};
use crate::filter::{Event, HeaderTable};

/// Where the body of a response comes from before the filters.
#[derive(Debug, Default)]
pub(super) enum ResponseSource {
    /// Nothing more comes.
    #[default]
    None,
    /// The rest of a local reply.
    Local(Option<Bytes>),
    /// An upstream's response.
    Upstream(UpstreamResponseBody),
}

/// The body of a response to a client. Its end, or its being dropped, ends the stream.
pub(crate) struct DownstreamBody {
    content: Content,
    guard: Option<StreamGuard>,
}

enum Content {
    /// All of it; `None` once it is sent.
    Full(Option<Bytes>),
    /// As it leaves the filters.
    Streamed,
    /// To be reset, once what was sent before has left.
    Breaking,
    /// Its end has been sent.
    Ended,
}

impl DownstreamBody {
    pub(super) fn full(body: Bytes) -> Self {
        let content = if body.is_empty() {
            Content::Ended
        } else {
            Content::Full(Some(body))
        };
        Self {
            content,
            guard: None,
        }
    }

    pub(super) fn streamed() -> Self {
        Self {
            content: Content::Streamed,
            guard: None,
        }
    }

    /// Ties the stream to the body. The response to a HEAD request has none.
    pub(super) fn owned_by(mut self, guard: StreamGuard, is_head: bool) -> Self {
        if is_head {
            self.content = Content::Ended;
        }
        if matches!(self.content, Content::Ended) {
            guard.0.note_sent(0, Instant::now());
            guard.0.response_complete();
        }
        self.guard = Some(guard);
        self
    }

    fn stream(&self) -> Option<&Rc<ActiveStream>> {
        self.guard.as_ref().map(|guard| &guard.0)
    }
}

/// A frame and whether it is the last, or why there are no more.
type NextFrame = Result<(Frame<Bytes>, bool), StreamReset>;

impl Body for DownstreamBody {
    type Data = Bytes;
    type Error = StreamReset;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamReset>>> {
        let this = self.get_mut();
        let Some(guard) = &this.guard else {
            return Poll::Ready(None);
        };
        let stream = &guard.0;
        let frame = match &mut this.content {
            Content::Ended => return Poll::Ready(None),
            Content::Breaking => return Poll::Ready(Some(Err(StreamReset))),
            Content::Full(body) => body.take().map(|body| Ok((Frame::data(body), true))),
            Content::Streamed => ready!(stream.poll_response_frame(cx)),
        };
        let now = match &this.content {
            Content::Streamed => stream.now_after(stream.deadlines.last_activity()),
            Content::Full(_) | Content::Breaking | Content::Ended => Instant::now(),
        };
        stream.deadlines.touch(now);
        match frame {
            None => {
                this.content = Content::Ended;
                stream.note_sent(0, now);
                stream.response_complete();
                Poll::Ready(None)
            }
            Some(Ok((frame, is_last))) => {
                stream.note_sent(frame.data_ref().map_or(0, Bytes::len), now);
                if is_last {
                    this.content = Content::Ended;
                    stream.response_complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(StreamReset)) => {
                // A reset drops what hyper has not written yet, be it the response's head. It
                // writes when it finds nothing more to do.
                this.content = Content::Breaking;
                stream.is_breaking.set(true);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Ended => SizeHint::with_exact(0),
            Content::Full(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Content::Streamed | Content::Breaking => self
                .stream()
                .map_or_else(SizeHint::default, |s| s.response_hint()),
        }
    }
}

impl fmt::Debug for DownstreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownstreamBody")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl ActiveStream {
    /// Returns the next frame for the client and whether it is the last.
    fn poll_response_frame(&self, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        loop {
            let frame = match ready!(self.poll_response_event(cx)) {
                Ok(Some(Event::Data {
                    data,
                    end_of_stream,
                })) if !data.is_empty() => Some(Ok((Frame::data(data), end_of_stream))),
                Ok(Some(Event::Data {
                    end_of_stream: true,
                    ..
                })) => None,
                Ok(Some(Event::Data { .. } | Event::Headers { .. })) => continue,
                Ok(Some(Event::Trailers)) => {
                    let trailers = self.state.response_trailers.borrow();
                    let fields = trailers.as_ref().map(|table| table.fields().clone());
                    fields.map(|fields| Ok((Frame::trailers(fields), true)))
                }
                // A reply comes too late here, and has become a reset.
                Ok(None) => {
                    let _: Next<()> = self.take_interruption();
                    Some(Err(StreamReset))
                }
                Err(reset) => Some(Err(reset)),
            };
            return Poll::Ready(frame);
        }
    }

    /// Returns what leaves the filters next; `None` when a local reply or a reset waits instead.
    pub(super) fn poll_response_event(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Event>, StreamReset>> {
        loop {
            let event = self.chain.next_response_event();
            if event.is_some() || self.state.is_interrupted() {
                return Poll::Ready(Ok(event));
            }
            if !self.chain.wants_response_data() || self.poll_read_response(cx)?.is_pending() {
                self.chain.register_response_waker(cx.waker());
                return Poll::Pending;
            }
        }
    }

    /// Reads one frame of the response into the filters. Pending for ever once there are no more.
    fn poll_read_response(&self, cx: &mut Context<'_>) -> Poll<Result<(), StreamReset>> {
        let mut source = self.source.borrow_mut();
        let body = match &mut *source {
            ResponseSource::None => return Poll::Pending,
            ResponseSource::Local(body) => {
                let Some(body) = body.take() else {
                    return Poll::Pending;
                };
                drop(source);
                self.chain.response_data(body, true);
                return Poll::Ready(Ok(()));
            }
            ResponseSource::Upstream(body) => body,
        };
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let now = Instant::now();
        self.deadlines.touch(now);
        let ends = frame.as_ref().is_none_or(|frame| match frame {
            Ok(frame) => frame.is_trailers() || body.is_end_stream(),
            Err(_) => true,
        });
        if ends {
            *source = ResponseSource::None;
            self.end_of_upstream(now);
        }
        drop(source);
        match frame {
            None => self.chain.response_data(Bytes::new(), true),
            Some(Ok(frame)) => self.push_response_frame(frame, ends),
            Some(Err(error)) => return Poll::Ready(self.break_response(error)),
        }
        Poll::Ready(Ok(()))
    }

    fn push_response_frame(&self, frame: Frame<Bytes>, ends: bool) {
        match frame.into_data() {
            Ok(data) => {
                // As in Envoy, the end of an HTTP/1 body comes after its last bytes.
                let ends_here = ends && (self.upstream_uses_http2() || self.chain.is_empty());
                self.chain.response_data(data, ends_here);
                if ends && !ends_here {
                    self.chain.response_data(Bytes::new(), true);
                }
            }
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) if self.upstream_uses_http2() => {
                    let table = HeaderTable::response_trailers(trailers);
                    *self.state.response_trailers.borrow_mut() = Some(Box::new(table));
                    self.chain.response_trailers();
                }
                Ok(_) | Err(_) => self.chain.response_data(Bytes::new(), true),
            },
        }
    }

    /// The upstream broke off. Before the client has got the headers it gets an answer instead.
    fn break_response(&self, error: hyper::Error) -> Result<(), StreamReset> {
        tracing::debug!(%error, "response body");
        let error = UpstreamError::from_hyper(error).to_stream_error();
        let reply = error.to_local_reply();
        if self.state.response_sent() {
            let info = &self.state.info;
            info.response_flags
                .set(info.response_flags.get() | reply.flags);
            *info.response_code_details.borrow_mut() = Some(
                reply
                    .details
                    .replace("_before_response_started", "_after_response_started")
                    .into(),
            );
            self.closes_connection.set(true);
            return Err(StreamReset);
        }
        self.state.send_local_reply(reply);
        Ok(())
    }

    fn upstream_uses_http2(&self) -> bool {
        self.state.info.upstream.protocol.get() == Some(http::Version::HTTP_2)
    }

    pub(super) fn end_of_upstream(&self, now: Instant) {
        self.state.info.times.last_upstream_rx.set(Some(now));
    }

    fn note_sent(&self, len: usize, now: Instant) {
        let info = &self.state.info;
        info.bytes_sent.set(info.bytes_sent.get() + len as u64);
        info.times.last_downstream_tx.set(Some(now));
    }

    /// The last of the response has been handed to the client's connection.
    fn response_complete(&self) {
        self.response_done.set(true);
    }

    fn response_hint(&self) -> SizeHint {
        match &*self.source.borrow() {
            ResponseSource::Upstream(body) if self.chain.is_empty() => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}
