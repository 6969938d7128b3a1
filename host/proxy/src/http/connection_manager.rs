//! `HttpConnectionManager`: a client's connection becomes streams.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::closing::{self, Closing, StreamExecutor, Wish};
use super::codec::Codec;
use super::deadlines::late_head;
use super::head_check;
use super::local_response::{self, StreamError};
use super::request_head;
use super::upgrade::Tunnel;
use crate::filter::{ConnectionInfo, HeaderTable, RouteCache, StreamInfo, StreamState};
use crate::listener::{ChainPin, ClientIo, HeadRecord};
use crate::timeouts::Expiring;
use crate::transport::Transport;

/// Envoy's HTTP/2 windows.
const STREAM_WINDOW: u32 = 16 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 24 * 1024 * 1024;
/// A client that takes nothing has this long to let a connection end: Envoy's `drain_timeout`.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// More headers than this make hyper allocate for each request, so its own default is kept.
const HYPER_MAX_HEADERS: usize = 100;

/// A client's connection.
pub(super) struct DownstreamConnection {
    /// Facts for logs and properties.
    pub(super) info: Rc<ConnectionInfo>,
    pin: ChainPin,
    record: Rc<HeadRecord>,
    active_streams: Cell<u32>,
    last_activity: Cell<Instant>,
    tunnel: Cell<Option<Tunnel>>,
    /// Known once the client has said something.
    codec: Cell<Option<Codec>>,
    closing: Closing,
    /// How often the client has taken bytes.
    writes: Rc<Cell<u64>>,
    /// Since when nothing but the client keeps the connection from ending, and what it had taken by
    /// then.
    ends_since: Cell<Option<(Instant, u64)>>,
    /// The timeout that has passed before a head was there.
    late_head: RefCell<Option<StreamError>>,
}

/// Serves a client's connection until it ends.
pub(crate) async fn serve(pin: ChainPin, info: ConnectionInfo, transport: Transport) {
    let timeouts = Rc::clone(&pin.manager().worker.timeouts);
    let connection = DownstreamConnection::new(pin, info);
    let weak: Weak<DownstreamConnection> = Rc::downgrade(&connection);
    let slot = timeouts.add(weak);
    serve_codec(&connection, transport).await;
    timeouts.remove(slot);
}

async fn serve_codec(connection: &Rc<DownstreamConnection>, mut transport: Transport) {
    let tls = connection.info.tls.as_ref();
    let alpn = tls.and_then(|tls| tls.alpn.as_deref());
    let configured = connection.pin.manager().config.codec_type;
    let codec = tokio::select! {
        codec = Codec::of(configured, alpn, &mut transport) => codec,
        _ = poll_fn(|cx| connection.closing.poll_beyond(Wish::Never, cx)) => return,
    };
    let (codec, first_bytes) = match codec {
        Ok(codec) => codec,
        Err(error) => return tracing::debug!(%error, "client connection"),
    };
    connection.codec.set(Some(codec));
    let is_tls = tls.is_some();
    let _counted = {
        let stats = &connection.pin.manager().stats.downstream;
        match codec {
            Codec::Http1 => stats.http1_connection(is_tls),
            Codec::Http2 => stats.http2_connection(is_tls),
        }
    };
    let io = ClientIo::new(transport, first_bytes, Rc::clone(&connection.writes));
    match codec {
        Codec::Http1 => serve_http1(connection, io).await,
        Codec::Http2 => serve_http2(connection, io).await,
    }
}

async fn serve_http1(connection: &Rc<DownstreamConnection>, io: ClientIo) {
    let config = Rc::clone(&connection.pin.manager().config);
    let mut builder = http1::Builder::new();
    builder.max_header_size(config.max_request_headers_bytes);
    if config.max_headers_count != HYPER_MAX_HEADERS {
        builder.max_headers(config.max_headers_count);
    }
    // Deadlines of heads are looked at with all others.
    builder.header_read_timeout(None);
    drop(config);
    let refusing = Rc::clone(connection);
    let refusal = Rc::new(move |status, bytes: &[u8]| refusing.refuse(status, bytes));
    let io = io.recorded(Rc::clone(&connection.record), refusal);
    let serving = Rc::clone(connection);
    let service = service_fn(move |request| serve_request(Rc::clone(&serving), request));
    let mut http = builder.serve_connection(TokioIo::new(io), service);
    drive(&mut http, connection, http1::Connection::graceful_shutdown).await;
    if let Some(error) = connection.late_head.take() {
        let answer = connection.answer_without_stream(&error);
        let io = http.into_parts().io.into_inner();
        // Whoever does not take it within this time gets none.
        let ended = tokio::time::timeout(LAST_WORDS, io.end_with(&answer)).await;
        if let Ok(Err(error)) = ended {
            tracing::debug!(%error, "client connection");
        }
        return;
    }
    if let Some(tunnel) = connection.tunnel.take() {
        let parts = http.into_parts();
        tunnel.run(parts.io.into_inner(), parts.read_buf).await;
    }
}

async fn serve_http2(connection: &Rc<DownstreamConnection>, io: ClientIo) {
    let mut builder = http2::Builder::new(StreamExecutor);
    {
        let config = &connection.pin.manager().config;
        let head = u32::try_from(config.max_request_headers_bytes).unwrap_or(u32::MAX);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.max_concurrent_streams)
            .max_header_list_size(head)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
    }
    let serving = Rc::clone(connection);
    let service = service_fn(move |request| serve_request(Rc::clone(&serving), request));
    let mut http = builder.serve_connection(TokioIo::new(io), service);
    drive(&mut http, connection, http2::Connection::graceful_shutdown).await;
}

async fn serve_request(
    connection: Rc<DownstreamConnection>,
    request: Request<Incoming>,
) -> Result<http::Response<super::response_body::DownstreamBody>, super::active_stream::StreamReset>
{
    // The stream keeps the manager of the generation that is served now, whatever comes.
    let (stream, error) = {
        let manager = connection.pin.manager();
        request_head::start(&manager, &connection, request)
    };
    *stream.task.borrow_mut() = closing::own_task();
    stream.run(error).await
}

/// Drives a connection; at the end of its idle time, or when the worker drains, asks it to end. It
/// is left as it is when its client keeps it from ending.
async fn drive<C, E>(
    http: &mut C,
    connection: &DownstreamConnection,
    shut_down: impl Fn(Pin<&mut C>),
) where
    C: Future<Output = Result<(), E>> + Unpin,
    E: fmt::Display,
{
    let mut heard = Wish::Never;
    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut *http).poll(cx) {
                return Poll::Ready(ended);
            }
            heard = ready!(connection.closing.poll_beyond(heard, cx));
            if heard == Wish::AtOnce {
                return Poll::Ready(Ok(()));
            }
            shut_down(Pin::new(&mut *http));
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "client connection");
    }
}

impl DownstreamConnection {
    fn new(pin: ChainPin, info: ConnectionInfo) -> Rc<Self> {
        Rc::new(Self {
            info: Rc::new(info),
            pin,
            record: Rc::default(),
            active_streams: Cell::new(0),
            last_activity: Cell::new(Instant::now()),
            tunnel: Cell::new(None),
            codec: Cell::new(None),
            closing: Closing::default(),
            writes: Rc::default(),
            ends_since: Cell::new(None),
            late_head: RefCell::new(None),
        })
    }

    /// Returns whether the connection is to end with the stream that is answered now.
    pub(super) fn is_retired(&self) -> bool {
        self.pin.is_retired()
    }

    fn close(&self) {
        self.closing.ask(Wish::Gracefully);
    }

    /// Ends a stream whose client keeps it from ending by itself. `task` is the stream's, if the
    /// connection carries others as well.
    pub(super) fn cut_off(&self, task: Option<&Closing>) {
        task.unwrap_or(&self.closing).ask(Wish::AtOnce);
    }

    /// Gives a connection that was told to end, and has nothing to wait for, its last few seconds
    /// since its client took anything.
    fn check_end(&self, now: Instant, is_partial: bool) {
        if self.active_streams.get() > 0 || is_partial {
            return self.ends_since.set(None);
        }
        let writes = self.writes.get();
        let known = self.ends_since.get().filter(|(_, taken)| *taken == writes);
        let since = known.map_or(now, |(since, _)| since);
        self.ends_since.set(Some((since, writes)));
        if now.saturating_duration_since(since) >= LAST_WORDS {
            self.closing.ask(Wish::AtOnce);
        }
    }

    /// A request's head has arrived: returns what its bytes say against it. `is_framed` tells
    /// whether it has a header about its body's length.
    pub(super) fn framing_error(&self, is_framed: bool) -> Option<StreamError> {
        self.active_streams.set(self.active_streams.get() + 1);
        self.record
            .request_started(|bytes| request_head::framing_error(is_framed, bytes))
    }

    /// A stream is over.
    pub(super) fn stream_ended(&self, now: Instant) {
        self.record.request_ended();
        self.active_streams
            .set(self.active_streams.get().saturating_sub(1));
        self.last_activity.set(now);
    }

    /// The connection leaves HTTP once the response that says so is sent.
    pub(super) fn set_tunnel(&self, tunnel: Tunnel) {
        let manager = self.pin.manager();
        let stats = &manager.stats.downstream;
        stats.downstream_cx_upgrades_total.inc();
        self.tunnel.set(Some(tunnel));
    }

    /// Answers what hyper could not parse.
    fn refuse(&self, status: u16, bytes: &[u8]) -> Bytes {
        let manager = self.pin.manager();
        manager.stats.downstream.downstream_cx_protocol_error.inc();
        self.answer_without_stream(&head_check::refused(status, bytes))
    }

    /// Answers a request that has not become a stream, and logs it, as Envoy does.
    fn answer_without_stream(&self, error: &StreamError) -> Bytes {
        let reply = error.to_local_reply();
        let table = HeaderTable::request_trailers(HeaderMap::new());
        let manager = Rc::clone(&self.pin.manager());
        manager.stats.count_response(reply.status.as_u16());
        manager.stats.count_details(&reply.details);
        let (mut head, body) = local_response::build(&reply, &table);
        manager.normalizer.response(head.fields_mut(), &table);
        let info = StreamInfo::new(
            SystemTime::now(),
            Instant::now(),
            Version::HTTP_11,
            self.info.remote_address,
        );
        info.response_code.set(Some(reply.status.as_u16()));
        info.response_flags.set(reply.flags);
        info.bytes_sent.set(body.len() as u64);
        info.times.end.set(Some(info.start));
        *info.response_code_details.borrow_mut() = Some(reply.details.clone());
        let answer = refusal_bytes(reply.status, &head, &body);
        let routes = RouteCache::new(Rc::clone(&manager.routes), 0);
        let state = StreamState::new(table, info, Rc::clone(&self.info), routes);
        *state.response_headers.borrow_mut() = Some(head);
        manager.log(&state);
        answer
    }
}

fn refusal_bytes(status: http::StatusCode, head: &HeaderTable, body: &[u8]) -> Bytes {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in head.fields() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    text.extend_from_slice(format!("date: {date}\r\nconnection: close\r\n\r\n").as_bytes());
    text.extend_from_slice(body);
    text.into()
}

impl Expiring for DownstreamConnection {
    fn check(&self, now: Instant) {
        let manager = self.pin.manager();
        let partial = self.record.partial(now);
        if self.closing.wish() != Wish::Never {
            self.check_end(now, partial.is_some());
        }
        if let Some(late) = partial.and_then(|head| late_head(&manager.config, head, now)) {
            self.late_head.replace(Some(late));
            return self.closing.ask(Wish::AtOnce);
        }
        if manager.worker.is_draining() {
            return self.close();
        }
        // A client of HTTP/2 is told and loses nothing. One of HTTP/1 would, if its next request is
        // under way: it is told by its next response.
        let may_close = self.codec.get() != Some(Codec::Http1) || manager.streams().are_expired();
        if self.pin.is_retired() && may_close {
            return self.close();
        }
        let Some(timeout) = manager.config.idle_timeout else {
            return;
        };
        let idle = now.saturating_duration_since(self.last_activity.get());
        if self.active_streams.get() == 0 && idle >= timeout && self.closing.wish() == Wish::Never {
            let stats = &manager.stats.downstream;
            stats.downstream_cx_idle_timeout.inc();
            self.close();
        }
    }
}

impl fmt::Debug for DownstreamConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownstreamConnection")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}
