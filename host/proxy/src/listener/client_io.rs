//! `ClientIo`: a client's bytes on their way to hyper, with what hyper's parser does not tell.
//!
//! hyper hides two things that Envoy acts on: framing headers it has merged or dropped (a request
//! with both `content-length` and `transfer-encoding` looks like a chunked one), and requests it
//! refuses by itself. So the bytes of the current head are kept until the request is looked at, and
//! the bare answer hyper gives to what it cannot parse is replaced by Envoy's.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::transport::Transport;

/// Bytes of a head that are kept. Beyond it only the framing check is lost, and hyper's own
/// reading holds: `transfer-encoding` wins and the connection closes.
const MAX_RECORD: usize = 128 * 1024;

/// What is known of the head that is being read.
#[derive(Debug, Default)]
pub(crate) struct HeadRecord {
    bytes: RefCell<Vec<u8>>,
    /// Requests that are with the service.
    active: Cell<u32>,
    /// A head has begun and not ended.
    is_partial: Cell<bool>,
    /// How often bytes have come.
    reads: Cell<u64>,
    seen: Cell<Option<PartialHead>>,
}

/// A head that has begun and not ended, as regular looks have found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartialHead {
    /// When it was first seen.
    pub(crate) since: Instant,
    /// When it was last seen to have grown.
    pub(crate) grown: Instant,
    reads: u64,
}

/// Makes the answer to a request that hyper refused: the status it chose and the bytes it saw.
pub(crate) type Refusal = Rc<dyn Fn(u16, &[u8]) -> Bytes>;

/// A client's connection.
pub(crate) struct ClientIo {
    transport: Transport,
    replay: Bytes,
    record: Option<Rc<HeadRecord>>,
    refusal: Option<Refusal>,
    substitute: Bytes,
    /// How often the client has taken bytes.
    writes: Rc<Cell<u64>>,
}

impl HeadRecord {
    /// A request's head is complete: hands the bytes since the last one to `look`.
    pub(crate) fn request_started<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        self.active.set(self.active.get() + 1);
        self.is_partial.set(false);
        self.seen.set(None);
        let mut bytes = self.bytes.borrow_mut();
        let result = look(&bytes);
        bytes.clear();
        result
    }

    /// A request has been answered.
    pub(crate) fn request_ended(&self) {
        self.active.set(self.active.get().saturating_sub(1));
    }

    /// Looks at a head that has begun and not ended. The clock is asked here and not with every read,
    /// for nearly every head comes whole.
    pub(crate) fn partial(&self, now: Instant) -> Option<PartialHead> {
        let reads = self.reads.get();
        let fresh = PartialHead {
            since: now,
            grown: now,
            reads,
        };
        let seen = match self.seen.get() {
            _ if !self.is_partial.get() => None,
            Some(seen) if seen.reads == reads => Some(seen),
            Some(PartialHead { since, .. }) => Some(PartialHead { since, ..fresh }),
            None => Some(fresh),
        };
        self.seen.set(seen);
        seen
    }

    fn push(&self, bytes: &[u8]) {
        self.reads.set(self.reads.get().wrapping_add(1));
        // Empty lines may stand before a head.
        let begins = bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if begins && self.active.get() == 0 {
            self.is_partial.set(true);
        }
        let mut record = self.bytes.borrow_mut();
        // While a request is active what arrives is body, or pipelined and rare.
        if record.len() < MAX_RECORD {
            record.extend_from_slice(bytes);
        }
    }
}

impl ClientIo {
    /// Returns a connection whose first bytes were read already. It counts in `writes` how often the
    /// client takes bytes.
    pub(crate) fn new(transport: Transport, replay: Bytes, writes: Rc<Cell<u64>>) -> Self {
        Self {
            transport,
            replay,
            record: None,
            refusal: None,
            substitute: Bytes::new(),
            writes,
        }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.writes.set(self.writes.get().wrapping_add(1));
        }
        written
    }

    /// Keeps the bytes of heads, and answers what hyper refuses.
    #[must_use]
    pub(crate) fn recorded(mut self, record: Rc<HeadRecord>, refusal: Refusal) -> Self {
        self.record = Some(record);
        self.refusal = Some(refusal);
        self
    }

    /// Takes the answer of hyper in `buf` for a request that never reached the service.
    fn substitute_for(&mut self, buf: &[u8]) -> bool {
        let Some(record) = &self.record else {
            return false;
        };
        if record.active.get() > 0 || !is_bare_refusal(buf) {
            return false;
        }
        let Some(refusal) = self.refusal.take() else {
            return false;
        };
        let status = buf
            .get(9..12)
            .and_then(|code| std::str::from_utf8(code).ok());
        let status = status.and_then(|code| code.parse().ok()).unwrap_or(400);
        self.substitute = refusal(status, &record.bytes.borrow());
        true
    }

    /// Answers past hyper, which is done with the connection, and ends it.
    pub(crate) async fn end_with(mut self, answer: &[u8]) -> io::Result<()> {
        self.transport.write_all(answer).await?;
        self.transport.shutdown().await
    }

    fn poll_substitute(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.substitute.is_empty() {
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, &self.substitute))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.substitute.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns whether this is hyper's own answer. A short answer of ours may be written after its
/// stream has ended, but it has more headers than these.
fn is_bare_refusal(buf: &[u8]) -> bool {
    let Some(head) = buf
        .strip_prefix(b"HTTP/1.1 4")
        .and_then(|head| head.strip_suffix(b"\r\n\r\n"))
    else {
        return false;
    };
    let mut fields = head.split(|byte| *byte == b'\n').skip(1);
    fields.all(|field| {
        [b"connection:".as_slice(), b"content-length: 0", b"date:"]
            .iter()
            .any(|known| field.starts_with(known))
    })
}

impl AsyncRead for ClientIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.replay.is_empty() {
            ready!(Pin::new(&mut this.transport).poll_read(cx, buf))?;
        } else {
            let count = this.replay.len().min(buf.remaining());
            buf.put_slice(&this.replay.split_to(count));
        }
        if let (Some(record), Some(new)) = (&this.record, buf.filled().get(before..)) {
            record.push(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.substitute_for(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut this.transport).poll_write(cx, buf);
        this.count(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [only] = bufs
            && this.substitute_for(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut this.transport).poll_write_vectored(cx, bufs);
        this.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_substitute(cx))?;
        Pin::new(&mut this.transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_substitute(cx))?;
        Pin::new(&mut this.transport).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::HeadRecord;

    #[test]
    fn a_head_is_partial_from_its_first_bytes_until_its_request_starts() {
        let record = HeadRecord::default();
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let partial = |second| {
            let partial = record.partial(at(second))?;
            let seconds = |moment: Instant| (moment - start).as_secs();
            Some((seconds(partial.since), seconds(partial.grown)))
        };
        assert_eq!(partial(0), None);
        record.push(b"\r\n");
        assert_eq!(partial(1), None);
        record.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(partial(2), Some((2, 2)));
        assert_eq!(partial(3), Some((2, 2)));
        record.push(b"\r\n");
        assert_eq!(partial(4), Some((2, 4)));
        record.request_started(|_| ());
        assert_eq!(partial(5), None);
        record.push(b"a body");
        assert_eq!(partial(6), None);
        record.request_ended();
        record.push(b"GET");
        assert_eq!(partial(7), Some((7, 7)));
        // Another head, between two looks.
        record.request_started(|_| ());
        record.request_ended();
        record.push(b"GET");
        assert_eq!(partial(8), Some((8, 8)));
    }
}
