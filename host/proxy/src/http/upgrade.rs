//! Upgrades: a stream that stops being HTTP, with its bytes still passing the filters as bodies.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{self, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::active_stream::{ActiveStream, StreamGuard};
use super::head_facts::HeadFacts;
use super::normalize::has_token;
use crate::cluster::Lease;
use crate::filter::Event;
use crate::listener::ClientIo;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// What a stream knows of its upgrade.
#[derive(Default)]
pub(super) struct Slot {
    kind: Option<HeaderValue>,
    lease: Cell<Option<Lease>>,
    taken: Cell<bool>,
}

/// An upgraded stream on its way to becoming a tunnel.
#[derive(Debug)]
pub(super) struct Tunnel {
    guard: StreamGuard,
    lease: Lease,
}

impl Slot {
    /// Returns what a request asks for. An upgrade to HTTP/2 is not one, as in Envoy.
    pub(super) fn of(fields: &HeaderMap, facts: HeadFacts) -> Self {
        if !facts.upgrade {
            return Self::default();
        }
        let asks = |value: &HeaderValue| has_token(value, "upgrade");
        let kind = fields
            .get(header::UPGRADE)
            .filter(|_| fields.get_all(header::CONNECTION).iter().any(asks))
            .filter(|kind| !kind.as_bytes().eq_ignore_ascii_case(b"h2c"));
        Self {
            kind: kind.cloned(),
            ..Self::default()
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.kind.is_some()
    }

    pub(super) fn is_taken(&self) -> bool {
        self.taken.get()
    }

    /// Returns the type of the upgrade in lower case.
    pub(super) fn kind(&self) -> Option<String> {
        let kind = self.kind.as_ref()?;
        Some(String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase())
    }

    /// Puts back the headers that were removed with the connection's own.
    pub(super) fn restore_headers(&self, fields: &mut HeaderMap) {
        if let Some(kind) = &self.kind {
            fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            fields.insert(header::UPGRADE, kind.clone());
        }
    }

    /// The upstream has agreed.
    pub(super) fn set_lease(&self, lease: Option<Lease>) {
        self.lease.set(lease);
    }

    /// Returns the tunnel that an agreed upgrade becomes.
    pub(super) fn to_tunnel(&self, guard: StreamGuard) -> Result<Tunnel, StreamGuard> {
        match self.lease.take() {
            Some(lease) => {
                self.taken.set(true);
                Ok(Tunnel { guard, lease })
            }
            None => Err(guard),
        }
    }
}

impl Tunnel {
    /// Passes bytes both ways until one side ends, which ends the other as well, as in Envoy.
    pub(super) async fn run(mut self, client: ClientIo, already_read: Bytes) {
        let stream = Rc::clone(&self.guard.0);
        let Some(detached) = self.lease.detach().await else {
            return;
        };
        stream.deadlines.upgraded();
        let (client_read, client_write) = tokio::io::split(client);
        let (upstream_read, upstream_write) = tokio::io::split(detached.io.into_inner());
        let up = Pump {
            stream: &stream,
            way: Way::Up,
            read: client_read,
            write: upstream_write,
        };
        let down = Pump {
            stream: &stream,
            way: Way::Down,
            read: upstream_read,
            write: client_write,
        };
        let ended = tokio::select! {
            ended = up.run(already_read) => ended,
            ended = down.run(detached.read_buf) => ended,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "tunnel");
        }
    }
}

/// Which way bytes go.
#[derive(Clone, Copy)]
enum Way {
    /// To the upstream.
    Up,
    /// To the client.
    Down,
}

/// One direction of a tunnel.
struct Pump<'a, R, W> {
    stream: &'a ActiveStream,
    way: Way,
    read: ReadHalf<R>,
    write: WriteHalf<W>,
}

/// What a direction can go on with.
enum Step {
    Write(Bytes),
    Read,
    Stop,
}

impl<R: AsyncRead, W: AsyncWrite> Pump<'_, R, W> {
    async fn run(mut self, already_read: Bytes) -> io::Result<()> {
        let mut ended = false;
        if !already_read.is_empty() {
            self.push(already_read, false);
        }
        let mut buffer = BytesMut::new();
        loop {
            match std::future::poll_fn(|cx| self.poll_step(ended, cx)).await {
                Step::Stop => break,
                Step::Write(data) => {
                    self.write.write_all(&data).await?;
                    self.write.flush().await?;
                }
                Step::Read => {
                    buffer.reserve(CHUNK);
                    ended = self.read.read_buf(&mut buffer).await? == 0;
                    self.stream.deadlines.touch(Instant::now());
                    self.push(buffer.split().freeze(), ended);
                }
            }
        }
        self.write.shutdown().await
    }

    fn poll_step(&self, ended: bool, cx: &mut Context<'_>) -> Poll<Step> {
        let chain = &self.stream.chain;
        if self.stream.state.is_interrupted() {
            return Poll::Ready(Step::Stop);
        }
        let (event, wants_data) = match self.way {
            Way::Up => (chain.next_request_event(), chain.wants_request_data()),
            Way::Down => (chain.next_response_event(), chain.wants_response_data()),
        };
        match event {
            Some(Event::Data {
                end_of_stream: true,
                data,
            }) if data.is_empty() => {
                return Poll::Ready(Step::Stop);
            }
            Some(Event::Data { data, .. }) => return Poll::Ready(Step::Write(data)),
            Some(Event::Headers { .. } | Event::Trailers) => {
                return Poll::Ready(Step::Write(Bytes::new()));
            }
            None => {}
        }
        if wants_data && !ended {
            return Poll::Ready(Step::Read);
        }
        match self.way {
            Way::Up => chain.register_request_waker(cx.waker()),
            Way::Down => chain.register_response_waker(cx.waker()),
        }
        Poll::Pending
    }

    fn push(&self, data: Bytes, ended: bool) {
        let info = &self.stream.state.info;
        match self.way {
            Way::Up => {
                info.bytes_received
                    .set(info.bytes_received.get() + data.len() as u64);
                self.stream.chain.request_data(data, ended);
            }
            Way::Down => {
                info.bytes_sent
                    .set(info.bytes_sent.get() + data.len() as u64);
                self.stream.chain.response_data(data, ended);
            }
        }
    }
}
