//! `FilteredTransport`: a client's connection as a connection manager sees it, behind plugins.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{NetworkChain, PeerType, poll_fill};
use crate::filter::Direction;
use crate::transport::Transport;

/// A transport whose bytes pass network filters both ways.
#[derive(Debug)]
pub(crate) struct FilteredTransport {
    inner: Transport,
    chain: NetworkChain,
    /// Bytes that filters may hold each way; above it nothing more is read.
    limit: usize,
    has_started: bool,
    /// Whether the client has ended its data. Filters are not told: before a connection manager
    /// that is the end of the connection.
    ended: bool,
    /// Bytes that have passed the filters on their way in, and out.
    read: BytesMut,
    write: BytesMut,
}

impl FilteredTransport {
    pub(crate) fn new(inner: Transport, chain: NetworkChain, limit: usize) -> Self {
        Self {
            inner,
            chain,
            limit,
            has_started: false,
            ended: false,
            read: BytesMut::new(),
            write: BytesMut::new(),
        }
    }

    fn start(&mut self) {
        if !std::mem::replace(&mut self.has_started, true) {
            self.chain.start();
        }
    }

    /// Reads until something has passed the filters; `false` when nothing more will.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.start();
        loop {
            self.chain.state().set_waker(cx.waker());
            if self.chain.run_resumes() {
                self.read = self.chain.take(Direction::Request);
            }
            if !self.read.is_empty() {
                return Poll::Ready(Ok(true));
            }
            if self.ended || self.chain.state().end().is_some() {
                return Poll::Ready(Ok(false));
            }
            let mut data = self.chain.state().data(Direction::Request).borrow_mut();
            if data.len() >= self.limit {
                return Poll::Pending;
            }
            let filled = ready!(poll_fill(&mut self.inner, cx, &mut data));
            drop(data);
            let filled = filled.inspect_err(|_| self.chain.close(PeerType::Remote))?;
            let info = &self.chain.state().stream.info.bytes_received;
            info.set(info.get() + filled.count as u64);
            self.ended = filled.ended;
            if filled.count > 0 && self.chain.downstream_arrived(false) {
                self.read = self.chain.take(Direction::Request);
            }
        }
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.write))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.write.advance(written);
            let info = &self.chain.state().stream.info.bytes_sent;
            info.set(info.get() + written as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for FilteredTransport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read.is_empty() && !ready!(this.poll_passed(cx))? {
            return Poll::Ready(Ok(()));
        }
        let count = this.read.len().min(buf.remaining());
        buf.put_slice(&this.read.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FilteredTransport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.start();
        ready!(this.poll_write_out(cx))?;
        let state = this.chain.state();
        state.set_waker(cx.waker());
        if state.end().is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut data = state.data(Direction::Response).borrow_mut();
        if data.len() >= this.limit {
            return Poll::Pending;
        }
        data.extend_from_slice(buf);
        drop(data);
        if this.chain.upstream_arrived(false) {
            this.write = this.chain.take(Direction::Response);
        }
        // What does not leave now leaves with the next write or flush.
        if let Poll::Ready(Err(error)) = this.poll_write_out(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

impl Drop for FilteredTransport {
    fn drop(&mut self) {
        // Who ended its data first has closed the connection.
        self.chain.close(if self.ended {
            PeerType::Remote
        } else {
            PeerType::Local
        });
    }
}
