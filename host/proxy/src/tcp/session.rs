//! `Session`: the bytes of one connection, through its filters, both ways.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWrite as _;

use super::deadlines::Deadlines;
use crate::cluster::TcpConnection;
use crate::filter::Direction;
use crate::http::response_flags::ResponseFlags as Flags;
use crate::network::{ConnectionState, End, NetworkChain, PeerType, poll_fill};
use crate::telemetry::TcpStats;
use crate::transport::Transport;

/// Time in which a client must take what was written before this proxy closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A client's connection with its filters.
pub(super) struct Session<'a> {
    client: Transport,
    chain: NetworkChain,
    stats: &'a TcpStats,
    deadlines: &'a Deadlines,
    /// Bytes that filters may hold of a direction; above it nothing more is read.
    limit: usize,
    up: Flow,
    down: Flow,
    upstream_ended: bool,
    /// Who ended its data last, and so the connection.
    last_ended: PeerType,
}

/// One direction, behind the filters.
#[derive(Default)]
struct Flow {
    out: BytesMut,
    /// Whether the end follows what is in `out`.
    ended: bool,
    unflushed: bool,
    /// Whether the end has been passed on.
    done: bool,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Both sides have ended their data.
    Done,
    /// This proxy closes it; why is in the connection's state.
    Closed,
    /// The client has broken the connection.
    ClientFailed,
    /// The upstream has broken the connection.
    UpstreamFailed,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        client: Transport,
        chain: NetworkChain,
        stats: &'a TcpStats,
        deadlines: &'a Deadlines,
        limit: usize,
    ) -> Self {
        Self {
            client,
            chain,
            stats,
            deadlines,
            limit,
            up: Flow::default(),
            down: Flow::default(),
            upstream_ended: false,
            last_ended: PeerType::Local,
        }
    }

    pub(super) fn state(&self) -> &Rc<ConnectionState> {
        self.chain.state()
    }

    /// Filters have chosen an idle timeout for this connection.
    pub(super) fn set_idle_timeout(&self, timeout: Duration) {
        self.deadlines.set_idle_timeout(timeout);
    }

    /// Waits until all filters have let the connection pass; `false` when it is to be closed.
    /// Nothing is read before there is an upstream, as in Envoy.
    pub(super) async fn accepted(&self) -> bool {
        let mut passed = self.chain.start();
        poll_fn(|cx| {
            self.state().set_waker(cx.waker());
            passed = passed || self.chain.run_resumes();
            if self.state().end().is_some() {
                Poll::Ready(false)
            } else if passed {
                Poll::Ready(true)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Waits until this proxy is to close the connection.
    pub(super) async fn closed(&self) {
        poll_fn(|cx| {
            self.state().set_waker(cx.waker());
            match self.state().end() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }

    /// Passes bytes both ways until the connection ends.
    pub(super) async fn run(&mut self, mut upstream: TcpConnection) -> Outcome {
        poll_fn(|cx| self.poll_run(&mut upstream.transport, cx)).await
    }

    fn poll_run(&mut self, upstream: &mut Transport, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.state().set_waker(cx.waker());
        if self.chain.run_resumes() {
            self.accept_client_data();
        }
        let moved = self.move_up(upstream, cx);
        if let Err(failed) = moved.and_then(|()| self.move_down(upstream, cx)) {
            return Poll::Ready(failed);
        }
        if self.state().end().is_some() {
            return Poll::Ready(Outcome::Closed);
        }
        // What a filter has stopped at its end will never leave.
        let nothing_left = self.down.out.is_empty() && self.down.ended == self.down.done;
        if self.up.done && self.upstream_ended && nothing_left {
            return Poll::Ready(Outcome::Done);
        }
        Poll::Pending
    }

    /// Moves the client's bytes as far as they go now.
    fn move_up(&mut self, upstream: &mut Transport, cx: &mut Context<'_>) -> Result<(), Outcome> {
        while self.state().end().is_none() {
            let deadlines = self.deadlines;
            let written = self.up.poll_write(upstream, cx, |_| deadlines.touch());
            if !is_ready(written, Outcome::UpstreamFailed)? {
                break;
            }
            let mut held = self.chain.state().data(Direction::Request).borrow_mut();
            if self.chain.read_ended() || held.len() >= self.limit {
                break;
            }
            let into = if self.chain.is_empty() {
                &mut self.up.out
            } else {
                &mut *held
            };
            let Poll::Ready(filled) = poll_fill(&mut self.client, cx, into) else {
                break;
            };
            let filled = filled.map_err(|error| failed(Outcome::ClientFailed, &error))?;
            drop(held);
            self.note_received(filled.count);
            if filled.ended {
                self.last_ended = PeerType::Remote;
            }
            if self.chain.downstream_arrived(filled.ended) {
                self.accept_client_data();
            }
        }
        Ok(())
    }

    /// Moves the upstream's bytes as far as they go now.
    fn move_down(&mut self, upstream: &mut Transport, cx: &mut Context<'_>) -> Result<(), Outcome> {
        while self.state().end().is_none() {
            if !self.write_down(cx)? {
                break;
            }
            let mut held = self.chain.state().data(Direction::Response).borrow_mut();
            if self.upstream_ended || held.len() >= self.limit {
                break;
            }
            let into = if self.chain.is_empty() {
                &mut self.down.out
            } else {
                &mut *held
            };
            let Poll::Ready(filled) = poll_fill(upstream, cx, into) else {
                break;
            };
            let filled = filled.map_err(|error| failed(Outcome::UpstreamFailed, &error))?;
            drop(held);
            self.deadlines.touch();
            self.upstream_ended = filled.ended;
            if filled.ended {
                self.last_ended = PeerType::Local;
            }
            if self.chain.upstream_arrived(filled.ended) {
                let mut held = self.chain.state().data(Direction::Response).borrow_mut();
                self.down.accept(&mut held, filled.ended);
            }
        }
        Ok(())
    }

    /// Writes to the client; returns whether all is written.
    fn write_down(&mut self, cx: &mut Context<'_>) -> Result<bool, Outcome> {
        let (stats, deadlines) = (self.stats, self.deadlines);
        let sent = &self.chain.state().stream.info.bytes_sent;
        let written = self.down.poll_write(&mut self.client, cx, |count| {
            deadlines.touch();
            sent.set(sent.get() + count as u64);
            stats.downstream_cx_tx_bytes_total.add(count as u64);
        });
        is_ready(written, Outcome::ClientFailed)
    }

    fn accept_client_data(&mut self) {
        let mut held = self.chain.state().data(Direction::Request).borrow_mut();
        self.up.accept(&mut held, self.chain.end_passed());
    }

    fn note_received(&self, count: usize) {
        self.deadlines.touch();
        let received = &self.state().stream.info.bytes_received;
        received.set(received.get() + count as u64);
        self.stats.downstream_cx_rx_bytes_total.add(count as u64);
    }

    /// Closes the client's connection and tells the filters who did.
    pub(super) async fn end(&mut self, outcome: Outcome) {
        let flags = &self.state().stream.info.response_flags;
        let by = match outcome {
            Outcome::Done => self.last_ended,
            Outcome::ClientFailed => PeerType::Remote,
            Outcome::UpstreamFailed => {
                flags.set(flags.get() | Flags::UPSTREAM_REMOTE_RESET);
                // The client is to learn that not all has come.
                self.client.reset_on_drop();
                PeerType::Local
            }
            Outcome::Closed => {
                match self.state().end() {
                    Some(End::Idle) => self.stats.idle_timeout.inc(),
                    Some(End::MaxDuration) => {
                        self.stats.max_downstream_connection_duration.inc();
                        flags.set(flags.get() | Flags::DURATION_TIMEOUT);
                    }
                    Some(End::Plugin | End::Expired) | None => {}
                }
                self.flush().await;
                PeerType::Local
            }
        };
        self.chain.close(by);
    }

    /// Gives the client what was written for it already.
    async fn flush(&mut self) {
        self.down.ended = true;
        let flushing = poll_fn(|cx| match self.write_down(cx) {
            Ok(false) => Poll::Pending,
            Ok(true) | Err(_) => Poll::Ready(()),
        });
        if tokio::time::timeout(CLOSE_TIMEOUT, flushing).await.is_err() {
            tracing::debug!("a client does not take what was sent to it");
        }
    }
}

impl Flow {
    /// Takes over what has passed the filters.
    fn accept(&mut self, passed: &mut BytesMut, ended: bool) {
        if self.out.is_empty() {
            // The buffers change places, so that neither is made anew.
            std::mem::swap(&mut self.out, passed);
        } else {
            self.out.extend_from_slice(passed);
            passed.clear();
        }
        self.ended = ended;
    }

    fn poll_write(
        &mut self,
        to: &mut Transport,
        cx: &mut Context<'_>,
        note: impl Fn(usize),
    ) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
            self.unflushed = true;
            note(written);
        }
        if self.unflushed {
            ready!(Pin::new(&mut *to).poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.ended && !self.done {
            if let Err(error) = ready!(Pin::new(to).poll_shutdown(cx)) {
                // It was closed already.
                tracing::debug!(%error, "shutdown");
            }
            self.done = true;
        }
        Poll::Ready(Ok(()))
    }
}

fn is_ready(written: Poll<io::Result<()>>, outcome: Outcome) -> Result<bool, Outcome> {
    match written {
        Poll::Ready(Ok(())) => Ok(true),
        Poll::Ready(Err(error)) => Err(failed(outcome, &error)),
        Poll::Pending => Ok(false),
    }
}

fn failed(outcome: Outcome, error: &io::Error) -> Outcome {
    tracing::debug!(?outcome, %error, "TCP connection");
    outcome
}
