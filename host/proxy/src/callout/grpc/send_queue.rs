//! `SendQueue`: the messages of a stream on their way to the upstream.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::frame;
use crate::cluster::{BodyAborted, BodySource};

/// Most bytes of a stream that wait to be sent. Envoy has no limit.
pub(crate) const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// More waits to be sent than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_QUEUED_BYTES} bytes of the stream wait to be sent already")]
pub(crate) struct QueueFull;

/// Messages that wait to be sent, and whether more may follow.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    frames: RefCell<VecDeque<Bytes>>,
    bytes: Cell<usize>,
    ended: Cell<Option<Instant>>,
    reader: RefCell<Option<Waker>>,
}

impl SendQueue {
    /// Adds a message. After the end it is dropped, as in Envoy.
    ///
    /// # Errors
    ///
    /// When too much waits already. The message is not added then.
    pub(crate) fn push(&self, message: &[u8]) -> Result<(), QueueFull> {
        if self.ended.get().is_some() {
            return Ok(());
        }
        let bytes = self.bytes.get().saturating_add(message.len());
        if bytes > MAX_QUEUED_BYTES {
            return Err(QueueFull);
        }
        let frame = frame::encode(message);
        self.bytes.set(self.bytes.get() + frame.len());
        self.frames.borrow_mut().push_back(frame);
        self.wake();
        Ok(())
    }

    /// Says that no message follows.
    pub(crate) fn end(&self) {
        if self.ended.get().is_none() {
            self.ended.set(Some(Instant::now()));
            self.wake();
        }
    }

    /// When the last message was added, if it was.
    pub(super) fn ended(&self) -> Option<Instant> {
        self.ended.get()
    }

    fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl BodySource for SendQueue {
    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyAborted>>> {
        let next = self.frames.borrow_mut().pop_front();
        if let Some(frame) = next {
            self.bytes.set(self.bytes.get().saturating_sub(frame.len()));
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if self.ended.get().is_some() {
            return Poll::Ready(None);
        }
        self.reader.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_QUEUED_BYTES, QueueFull, SendQueue};

    #[test]
    fn only_so_much_waits() {
        let queue = SendQueue::default();
        let half = vec![0; MAX_QUEUED_BYTES / 2];
        assert_eq!(queue.push(&half), Ok(()));
        assert_eq!(queue.push(&half), Err(QueueFull));
        assert_eq!(queue.push(b"small"), Ok(()));
        assert_eq!(queue.frames.borrow().len(), 2);
    }

    #[test]
    fn nothing_follows_the_end() {
        let queue = SendQueue::default();
        queue.end();
        assert_eq!(queue.push(b"late"), Ok(()));
        assert!(queue.frames.borrow().is_empty());
    }
}
