//! `ActiveStream`: one request from top to bottom, and its response back.
//!
//! The request comes in at [`ActiveStream::run`], passes the filters, goes to an upstream, and the
//! response passes the filters the other way. Whatever else can happen (a filter answers, a
//! timeout, the client leaves) ends in the same two places: [`ActiveStream::answer`] for a local
//! reply, [`ActiveStream::finish`] for the end. There is no task per request: the request's head
//! is served by hyper's call into the service, its body by the upstream connection that sends it,
//! the response's body by the client's connection.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::closing::Closing;
use super::connection_manager::DownstreamConnection;
use super::deadlines::Deadlines;
use super::local_response::{self, StreamError};
use super::manager::Manager;
use super::response_body::{DownstreamBody, ResponseSource};
use super::response_flags::ResponseFlags;
use super::router::Forward;
use super::upgrade;
use crate::cluster::{
    Answer, Cluster, Endpoint, UpstreamBody, UpstreamError, UpstreamResponseBody,
};
use crate::filter::{Event, HeaderTable, HttpFilterChain, LocalReply, StreamState};
use crate::timeouts::Slot;

/// The stream ends without a response, or within one: its connection or HTTP/2 stream is reset.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the stream was reset")]
pub(crate) struct StreamReset;

/// One request and its response.
pub(super) struct ActiveStream {
    pub(super) manager: Rc<Manager>,
    pub(super) connection: Rc<DownstreamConnection>,
    pub(super) state: Rc<StreamState>,
    pub(super) chain: HttpFilterChain,
    /// What is left of the request's body; `None` once it has ended.
    pub(super) request_body: RefCell<Option<Incoming>>,
    /// The request's body cannot be read any more.
    pub(super) request_broken: Cell<bool>,
    /// No other request may follow on the client's connection, by Envoy's rules.
    pub(super) drains_connection: Cell<bool>,
    /// Where the response's body comes from.
    pub(super) source: RefCell<ResponseSource>,
    pub(super) deadlines: Deadlines,
    /// Wakes the task that sends the request's body.
    pub(super) sender_waker: Cell<Option<Waker>>,
    pub(super) upgrade: upgrade::Slot,
    /// The client's connection ends with this response.
    pub(super) closes_connection: Cell<bool>,
    /// The last of the request was handed to the upstream connection.
    pub(super) request_sent: Cell<bool>,
    /// The last of the response was handed to the client's connection.
    pub(super) response_done: Cell<bool>,
    pub(super) finished: Cell<bool>,
    pub(super) timeout_slot: Cell<Option<Slot>>,
    /// What ends the task of this stream alone.
    pub(super) task: RefCell<Option<Rc<Closing>>>,
    /// The response is to be reset, once what was sent before has left.
    pub(super) is_breaking: Cell<bool>,
    /// Since when a reset waits for the client's connection.
    pub(super) stuck_since: Cell<Option<Instant>>,
}

/// What a wait for the filters or the upstream ended with.
pub(super) enum Next<T> {
    /// What was waited for.
    Ready(T),
    /// A local reply instead.
    Reply(LocalReply),
    /// A reset instead.
    Reset,
}

/// Ends its stream when it is dropped: with the response's body, or with the request's future
/// when the client has left.
#[derive(Debug)]
pub(super) struct StreamGuard(pub(super) Rc<ActiveStream>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl ActiveStream {
    /// Returns the stream of a request that has just arrived.
    pub(super) fn new(
        manager: &Rc<Manager>,
        connection: &Rc<DownstreamConnection>,
        state: Rc<StreamState>,
        body: Incoming,
        upgrade: upgrade::Slot,
    ) -> Rc<Self> {
        let filters = manager.create_filters(&state);
        let chain = HttpFilterChain::new(filters, Rc::clone(&state), manager.buffer_limit);
        let (start, config) = (state.info.start, &manager.config);
        let stream = Rc::new(Self {
            manager: Rc::clone(manager),
            connection: Rc::clone(connection),
            state,
            chain,
            request_body: RefCell::new(Some(body)),
            request_broken: Cell::new(false),
            drains_connection: Cell::new(false),
            source: RefCell::default(),
            deadlines: Deadlines::new(start, config.stream_idle_timeout, config.request_timeout),
            sender_waker: Cell::default(),
            upgrade,
            closes_connection: Cell::new(false),
            request_sent: Cell::new(false),
            response_done: Cell::new(false),
            finished: Cell::new(false),
            timeout_slot: Cell::default(),
            task: RefCell::default(),
            is_breaking: Cell::new(false),
            stuck_since: Cell::new(None),
        });
        manager.streams().started();
        let stats = &manager.stats.downstream;
        stats.downstream_rq_total.inc();
        stats.downstream_rq_active.inc();
        match stream.state.info.protocol {
            Version::HTTP_2 => stats.downstream_rq_http2_total.inc(),
            _ => stats.downstream_rq_http1_total.inc(),
        }
        let weak: Weak<Self> = Rc::downgrade(&stream);
        stream
            .timeout_slot
            .set(Some(manager.worker.timeouts.add(weak)));
        stream
    }

    /// Serves the request. `refused` is what is wrong with its head already.
    pub(super) async fn run(
        self: Rc<Self>,
        refused: Option<StreamError>,
    ) -> Result<Response<DownstreamBody>, StreamReset> {
        let guard = StreamGuard(Rc::clone(&self));
        let end_of_stream = self.request_has_no_body();
        if let Some(error) = refused {
            return self.answer(guard, error.to_local_reply()).await;
        }
        self.chain.request_headers(end_of_stream);
        let end_of_stream = match std::future::poll_fn(|cx| self.poll_decoded(cx)).await {
            Next::Ready(end_of_stream) => end_of_stream,
            Next::Reply(reply) => return self.answer(guard, reply).await,
            Next::Reset => return Err(StreamReset),
        };
        let mut request = Request::default();
        let forward = match self.route(&mut request) {
            Ok(forward) => forward,
            Err(reply) => return self.answer(guard, reply).await,
        };
        let sent = self.send_upstream(&forward, &mut request, end_of_stream);
        match sent.await {
            Next::Ready(answer) => self.respond(guard, answer).await,
            Next::Reply(reply) => self.answer(guard, reply).await,
            Next::Reset => Err(StreamReset),
        }
    }

    /// Waits until the request's headers have left the filters. Meanwhile the filters get as much
    /// of the body as they want.
    fn poll_decoded(&self, cx: &mut Context<'_>) -> Poll<Next<bool>> {
        loop {
            match ready!(self.poll_request_event(cx)) {
                Some(Event::Headers { end_of_stream }) => {
                    return Poll::Ready(Next::Ready(end_of_stream));
                }
                // Nothing precedes the headers.
                Some(Event::Data { .. } | Event::Trailers) => {}
                None => return Poll::Ready(self.take_interruption()),
            }
        }
    }

    async fn send_upstream(
        self: &Rc<Self>,
        forward: &Forward,
        request: &mut Request<UpstreamBody>,
        end_of_stream: bool,
    ) -> Next<Answer> {
        // After an upgrade the client's bytes follow when the upstream has agreed.
        if !end_of_stream && !self.upgrade.is_asked() {
            *request.body_mut() = UpstreamBody::Stream(Rc::<Self>::clone(self));
        }
        let upstream = &self.state.info.upstream;
        upstream.attempts.set(1);
        self.deadlines.start_route_timeout(forward.timeout);
        let started = self.now_after(self.state.info.start);
        if self.request_body.borrow().is_none() {
            self.deadlines.request_complete(started);
        }
        self.state.info.times.first_upstream_tx.set(Some(started));
        let (cluster, endpoint) = (&forward.cluster, &forward.endpoint);
        let mut sending = pin!(cluster.send(endpoint, request));
        let next = std::future::poll_fn(|cx| {
            if self.state.is_interrupted() {
                return Poll::Ready(self.take_interruption());
            }
            if let Poll::Ready(result) = sending.as_mut().poll(cx) {
                return Poll::Ready(self.to_next(result));
            }
            self.chain.register_response_waker(cx.waker());
            Poll::Pending
        })
        .await;
        let now = Instant::now();
        self.count_upstream((cluster, endpoint), &next, now);
        if let Next::Ready((_, facts)) = &next {
            self.state.info.times.first_upstream_rx.set(Some(now));
            upstream.connection_id.set(Some(facts.id));
            upstream.pool_ready.set(Some(facts.connect_time.take()));
            upstream.local_address.set(facts.local_address);
            upstream.tls.borrow_mut().clone_from(&facts.tls);
        }
        next
    }

    fn to_next(&self, result: Result<Answer, UpstreamError>) -> Next<Answer> {
        match result {
            Ok(answer) => Next::Ready(answer),
            Err(_) if self.request_broken.get() => Next::Reply(self.broken_request()),
            Err(error) => {
                tracing::debug!(%error, "no response from upstream");
                let reason = error.transport_failure().map(str::to_owned);
                self.state
                    .info
                    .upstream
                    .transport_failure_reason
                    .replace(reason);
                Next::Reply(error.to_stream_error().to_local_reply())
            }
        }
    }

    fn count_upstream(
        &self,
        (cluster, endpoint): (&Cluster, &Endpoint),
        next: &Next<Answer>,
        now: Instant,
    ) {
        match next {
            Next::Ready((response, _)) => {
                let sent = self.state.info.times.first_upstream_tx.get();
                let took = sent.map(|sent| now.saturating_duration_since(sent));
                cluster.count_response(endpoint, response.status().as_u16(), took);
            }
            Next::Reply(reply) => {
                if reply
                    .flags
                    .contains(ResponseFlags::UPSTREAM_REQUEST_TIMEOUT)
                {
                    cluster.count_timeout(endpoint);
                }
                cluster.count_response(endpoint, reply.status.as_u16(), None);
            }
            Next::Reset => {}
        }
    }

    /// Passes the upstream's response through the filters to the client.
    async fn respond(
        self: &Rc<Self>,
        guard: StreamGuard,
        (response, _): Answer,
    ) -> Result<Response<DownstreamBody>, StreamReset> {
        let received = self.state.info.times.first_upstream_rx.get();
        let now = received.unwrap_or_else(Instant::now);
        self.deadlines.touch(now);
        let (mut head, body) = response.into_parts();
        let is_switch = head.status == StatusCode::SWITCHING_PROTOCOLS;
        if is_switch && !self.upgrade.is_asked() {
            let error = StreamError::UpstreamReset(local_response::UpstreamReset::ProtocolError);
            return self.answer(guard, error.to_local_reply()).await;
        }
        // Without filters it is enough that this is done when the response goes out.
        if !is_switch && !self.chain.is_empty() {
            super::normalize::remove_hop_by_hop(&mut head.headers);
        }
        let end_of_stream = !is_switch && http_body::Body::is_end_stream(&body);
        // Before the request is sent there is nothing to measure from, as in Envoy.
        if self.request_body.borrow().is_none() && !self.upgrade.is_asked() {
            self.manager
                .set_service_time(&mut head.headers, &self.state.info, now);
        }
        self.state
            .info
            .response_code
            .set(Some(head.status.as_u16()));
        let table = HeaderTable::from_response(head.status, head.headers);
        *self.state.response_headers.borrow_mut() = Some(table);
        self.state.info.set_details_if_none("via_upstream");
        if let Some(route) = self.state.selected_route() {
            route.finalize_response(&self.state);
        }
        self.take_source(body, is_switch, end_of_stream.then_some(now));
        self.chain.response_headers(end_of_stream);
        self.encode(guard).await
    }

    fn take_source(&self, body: UpstreamResponseBody, is_switch: bool, end: Option<Instant>) {
        if is_switch {
            self.upgrade.set_lease(body.take_lease());
            return;
        }
        // An upgrade that is refused leaves a client that may speak something else by now.
        self.closes_connection
            .set(self.closes_connection.get() || self.upgrade.is_asked());
        if let Some(now) = end {
            self.end_of_upstream(now);
        } else {
            *self.source.borrow_mut() = ResponseSource::Upstream(body);
        }
    }

    /// Gives the client an answer of our own, or a filter's. It passes the filters, unless a
    /// response was on its way through them already: then it goes to the client directly.
    pub(super) async fn answer(
        self: &Rc<Self>,
        guard: StreamGuard,
        reply: LocalReply,
    ) -> Result<Response<DownstreamBody>, StreamReset> {
        let is_direct = self.state.response_started();
        let body = self.make_local_response(&reply);
        if is_direct || self.chain.is_empty() {
            self.state.set_response_sent();
            *self.source.borrow_mut() = ResponseSource::None;
            return self.finish_response(guard, DownstreamBody::full(body));
        }
        let end_of_stream = body.is_empty();
        *self.source.borrow_mut() = ResponseSource::Local((!end_of_stream).then_some(body));
        self.chain.response_headers(end_of_stream);
        self.encode(guard).await
    }

    pub(super) fn make_local_response(&self, reply: &LocalReply) -> Bytes {
        // Whatever the upstream still sends is not wanted any more.
        self.source.replace(ResponseSource::None);
        // To Envoy this means that the two do not understand each other, whoever says it.
        if reply.status == StatusCode::BAD_REQUEST {
            self.drains_connection.set(true);
        }
        let info = &self.state.info;
        info.response_flags
            .set(info.response_flags.get() | reply.flags);
        *info.response_code_details.borrow_mut() = Some(reply.details.clone());
        let (table, body) = local_response::build(reply, &self.state.request_headers.borrow());
        *self.state.response_headers.borrow_mut() = Some(table);
        // A request that was refused at once has no route yet; one whose route was cleared has none.
        if let Some(route) = self.state.route.cached() {
            route.finalize_response(&self.state);
        }
        body
    }

    /// Waits until the response's headers have left the filters, and sends them.
    async fn encode(
        self: &Rc<Self>,
        guard: StreamGuard,
    ) -> Result<Response<DownstreamBody>, StreamReset> {
        match std::future::poll_fn(|cx| self.poll_encoded(cx)).await {
            Next::Ready(true) => self.finish_response(guard, DownstreamBody::full(Bytes::new())),
            Next::Ready(false) => self.finish_response(guard, DownstreamBody::streamed()),
            Next::Reply(reply) => {
                let body = self.make_local_response(&reply);
                self.state.set_response_sent();
                self.finish_response(guard, DownstreamBody::full(body))
            }
            Next::Reset => Err(StreamReset),
        }
    }

    fn poll_encoded(&self, cx: &mut Context<'_>) -> Poll<Next<bool>> {
        loop {
            match ready!(self.poll_response_event(cx)) {
                Ok(Some(Event::Headers { end_of_stream })) => {
                    return Poll::Ready(Next::Ready(end_of_stream));
                }
                Ok(Some(Event::Data { .. } | Event::Trailers)) => {}
                Ok(None) => return Poll::Ready(self.take_interruption()),
                Err(StreamReset) => return Poll::Ready(Next::Reset),
            }
        }
    }

    /// Takes the local reply or the reset that waits.
    pub(super) fn take_interruption<T>(&self) -> Next<T> {
        if let Some(reply) = (!self.chain.take_reset()).then(|| self.chain.take_local_reply()) {
            return reply.map_or(Next::Reset, Next::Reply);
        }
        self.closes_connection.set(true);
        self.state.info.set_details_if_none("wasm_close_stream");
        Next::Reset
    }

    /// Returns the answer to a client that broke off or broke the rules within its body.
    pub(super) fn broken_request(&self) -> LocalReply {
        self.closes_connection.set(true);
        StreamError::BadRequest("http1.codec_error").to_local_reply()
    }

    /// Returns the time, given that of what led here. Without filters nothing waits in between, and
    /// the clock is slow enough to be asked only when something has come.
    pub(super) fn now_after(&self, cause: Instant) -> Instant {
        if self.chain.is_empty() {
            cause
        } else {
            Instant::now()
        }
    }

    fn request_has_no_body(&self) -> bool {
        let mut body = self.request_body.borrow_mut();
        let is_empty = body.as_ref().is_none_or(http_body::Body::is_end_stream);
        if is_empty {
            *body = None;
            self.state
                .info
                .times
                .last_downstream_rx
                .set(Some(self.state.info.start));
        }
        is_empty && !self.upgrade.is_asked()
    }
}

impl fmt::Debug for ActiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveStream")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
