//! `HttpFilterChain`: the filters of one stream in both directions, without I/O.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use bytes::Bytes;

use super::lane::{Frame, Lane};
use super::run::Run;
use super::{Direction, HttpFilter, LocalReply, StreamState};

/// What comes out of a chain: in order, headers, then data, then trailers. Headers and trailers
/// themselves are in the [`StreamState`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Headers go on.
    Headers {
        /// Nothing follows.
        end_of_stream: bool,
    },
    /// A piece of the body goes on.
    Data {
        /// The bytes; may be empty when they end the stream.
        data: Bytes,
        /// Nothing follows.
        end_of_stream: bool,
    },
    /// Trailers go on, and end the message.
    Trailers,
}

/// The filters of a stream, run as Envoy's filter manager runs them.
///
/// Push what arrives, then take events until there are none, then ask for a local reply and a
/// reset. A local reply taken before [`StreamState::response_started`] goes through the response
/// side of this chain, which [`response_headers`](Self::response_headers) begins; a later one goes
/// to the client directly.
pub(crate) struct HttpFilterChain {
    filters: Vec<Box<dyn HttpFilter>>,
    state: Rc<StreamState>,
    request: RefCell<Lane>,
    response: RefCell<Lane>,
    buffer_limit: usize,
}

impl HttpFilterChain {
    /// Returns a chain in request order. `buffer_limit` bounds what filters hold per direction.
    #[must_use]
    pub(crate) fn new(
        filters: Vec<Box<dyn HttpFilter>>,
        state: Rc<StreamState>,
        buffer_limit: usize,
    ) -> Self {
        let request = RefCell::new(Lane::new(Direction::Request));
        let response = RefCell::new(Lane::new(Direction::Response));
        Self {
            filters,
            state,
            request,
            response,
            buffer_limit,
        }
    }

    /// Returns the state that chain and filters share.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn state(&self) -> &Rc<StreamState> {
        &self.state
    }

    /// Returns whether there are no filters.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The request's headers have arrived.
    pub(crate) fn request_headers(&self, end_of_stream: bool) {
        self.push(&self.request, Frame::Headers { end_of_stream });
    }

    /// A piece of the request's body has arrived.
    pub(crate) fn request_data(&self, data: Bytes, end_of_stream: bool) {
        self.push_data(&self.request, data, end_of_stream);
    }

    /// The request's trailers have arrived; they are in the state.
    pub(crate) fn request_trailers(&self) {
        self.push(&self.request, Frame::Trailers);
    }

    /// Returns what goes upstream next.
    #[must_use]
    pub(crate) fn next_request_event(&self) -> Option<Event> {
        self.next_event(&self.request)
    }

    /// Returns whether more of the request's body should be read from the client.
    #[must_use]
    pub(crate) fn wants_request_data(&self) -> bool {
        self.wants_data(&self.request)
    }

    /// The response's headers have arrived, or a local reply's; they are in the state.
    pub(crate) fn response_headers(&self, end_of_stream: bool) {
        self.state.set_response_started();
        self.push(&self.response, Frame::Headers { end_of_stream });
    }

    /// A piece of the response's body has arrived.
    pub(crate) fn response_data(&self, data: Bytes, end_of_stream: bool) {
        self.push_data(&self.response, data, end_of_stream);
    }

    /// The response's trailers have arrived; they are in the state.
    pub(crate) fn response_trailers(&self) {
        self.push(&self.response, Frame::Trailers);
    }

    /// Returns what goes to the client next.
    #[must_use]
    pub(crate) fn next_response_event(&self) -> Option<Event> {
        let event = self.next_event(&self.response);
        if matches!(event, Some(Event::Headers { .. })) {
            self.state.set_response_sent();
        }
        event
    }

    /// Returns whether more of the response's body should be read from the upstream.
    #[must_use]
    pub(crate) fn wants_response_data(&self) -> bool {
        self.wants_data(&self.response)
    }

    /// Wakes this waker when the request side can go on, or the stream is to be answered or reset.
    pub(crate) fn register_request_waker(&self, waker: &Waker) {
        self.state.set_waker(Direction::Request, waker);
    }

    /// Wakes this waker when the response side can go on, or the stream is to be answered or reset.
    pub(crate) fn register_response_waker(&self, waker: &Waker) {
        self.state.set_waker(Direction::Response, waker);
    }

    /// Takes an answer that a filter, or this proxy, wants to give. The request side is over with
    /// it, and so is a response that had started.
    #[must_use]
    pub(crate) fn take_local_reply(&self) -> Option<LocalReply> {
        let reply = self.state.take_local_reply()?;
        self.request.borrow_mut().close();
        if self.state.response_started() {
            self.response.borrow_mut().close();
        }
        Some(reply)
    }

    /// Takes the wish of a filter to reset the stream.
    #[must_use]
    pub(crate) fn take_reset(&self) -> bool {
        let reset = self.state.take_reset();
        if reset {
            self.request.borrow_mut().close();
            self.response.borrow_mut().close();
        }
        reset
    }

    /// Ends the stream: every filter's log, the access logs, then every filter's end. Only the first
    /// call counts.
    pub(crate) fn complete(&self, write_access_logs: impl FnOnce()) {
        if self.state.set_complete() {
            self.filters.iter().for_each(|filter| filter.on_log());
            write_access_logs();
            self.filters.iter().for_each(|filter| filter.on_destroy());
        }
    }

    fn push(&self, lane: &RefCell<Lane>, frame: Frame) {
        self.run().deliver(&mut lane.borrow_mut(), 0, frame);
    }

    fn push_data(&self, lane: &RefCell<Lane>, data: Bytes, end_of_stream: bool) {
        let mut lane = lane.borrow_mut();
        if !self.run().is_unheard(lane.direction) {
            let body = data.into();
            let frame = Frame::Data {
                body,
                end_of_stream,
            };
            self.run().deliver(&mut lane, 0, frame);
        } else if !lane.closed {
            lane.out.push_data(data, end_of_stream);
        }
    }

    fn next_event(&self, lane: &RefCell<Lane>) -> Option<Event> {
        if self.state.is_interrupted() {
            return None;
        }
        if self.state.take_resume_asked() {
            self.run().resume_all(&mut self.request.borrow_mut());
            self.run().resume_all(&mut self.response.borrow_mut());
            // What was resumed may have ended in a local reply.
            if self.state.is_interrupted() {
                return None;
            }
        }
        lane.borrow_mut().out.pop()
    }

    fn wants_data(&self, lane: &RefCell<Lane>) -> bool {
        let lane = lane.borrow();
        lane.closed || lane.out.bytes() + self.run().held_bytes(&lane) <= self.buffer_limit
    }

    fn run(&self) -> Run<'_> {
        Run {
            filters: &self.filters,
            state: &self.state,
            buffer_limit: self.buffer_limit,
        }
    }
}

impl fmt::Debug for HttpFilterChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFilterChain")
            .field("filters", &self.filters.len())
            .field("request", &self.request)
            .field("response", &self.response)
            .finish_non_exhaustive()
    }
}
