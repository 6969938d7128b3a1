//! Reading what is there, so that data and its end arrive together where they were sent together.

use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
/// Bytes after which the other direction gets its turn.
const MAX_FILL: usize = 4 * CHUNK;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Bytes added.
    pub(crate) count: usize,
    /// Whether nothing more will come.
    pub(crate) ended: bool,
}

/// Appends what can be read without waiting to `buf`.
pub(crate) fn poll_fill(
    from: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
    buf: &mut BytesMut,
) -> Poll<io::Result<Filled>> {
    let mut filled = Filled::default();
    while filled.count < MAX_FILL {
        buf.reserve(CHUNK);
        match pin!(from.read_buf(buf)).poll(cx) {
            Poll::Ready(Ok(0)) => {
                filled.ended = true;
                break;
            }
            Poll::Ready(Ok(count)) => filled.count += count,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending if filled.count == 0 => return Poll::Pending,
            Poll::Pending => break,
        }
    }
    Poll::Ready(Ok(filled))
}
