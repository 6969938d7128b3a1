//! Chunk: one part of a body or of a TCP stream, in the handler that is given it or awaits it.

use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use tollgate_abi::{BufferType, Status};

use crate::driver::{Part, reading};
use crate::error::Error;
use crate::header::HeaderValue;
use crate::sys;

/// A part of a body or of a connection's data. Nothing is copied until it is read.
#[derive(Debug)]
pub struct Chunk {
    buffer: BufferType,
    part: Part,
}

impl Chunk {
    pub(crate) const fn new(buffer: BufferType, part: Part) -> Self {
        Self { buffer, part }
    }

    /// Returns the size when the handler was called.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.part.size()
    }

    /// Returns whether there is nothing in it, as in the last part of many bodies.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether nothing follows: no further chunk, and no trailers.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.part.is_last()
    }

    /// Returns what is there.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn bytes(&self) -> Result<HeaderValue, Error> {
        sys::buffer_bytes(self.buffer, 0, usize::MAX >> 1).map(HeaderValue::from)
    }

    /// Replaces what is there; nothing passes on if `bytes` is empty. A filter that changes the
    /// length asks for it by [`BodyAccess::rewrite`](crate::BodyAccess::rewrite).
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn replace(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_buffer_bytes(self.buffer, 0, usize::MAX >> 1, bytes.as_ref())
    }

    /// Puts bytes before what is there.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn prepend(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_buffer_bytes(self.buffer, 0, 0, bytes.as_ref())
    }

    /// Puts bytes behind what is there.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn append(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        // Beyond the end the host appends; the end of an empty chunk is its start.
        sys::set_buffer_bytes(self.buffer, usize::MAX >> 1, 0, bytes.as_ref())
    }
}

/// A part of a body that [`Exchange::next_chunk`](crate::Exchange::next_chunk) gives: its bytes, and
/// what is to pass instead of them.
#[derive(Debug)]
pub struct BodyChunk {
    bytes: Vec<u8>,
    context: u32,
    buffer: BufferType,
    /// Which part of the body it is, if it is one.
    number: Option<u32>,
    is_last: bool,
}

impl BodyChunk {
    pub(crate) const fn new(
        bytes: Vec<u8>,
        (context, buffer): (u32, BufferType),
        number: Option<u32>,
        is_last: bool,
    ) -> Self {
        Self {
            bytes,
            context,
            buffer,
            number,
            is_last,
        }
    }

    /// Returns what has come. The last part of many bodies is empty.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns whether nothing follows: no further chunk, and no trailers.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Has other bytes pass on instead; the chunk itself stays as it is. A filter that changes the
    /// length asks for it by [`BodyAccess::rewrite_chunks`](crate::BodyAccess::rewrite_chunks).
    ///
    /// # Errors
    ///
    /// `BadArgument` when it is too late: a chunk can be replaced until the handler awaits anything
    /// else, and not if it came while the handler did so. Otherwise when the host refuses the change.
    pub fn replace(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        if !reading::is_shown(self.context, self.number) {
            let status = Status::BadArgument.to_u32();
            return Err(Error::new("proxy_set_buffer_bytes", status));
        }
        sys::set_buffer_bytes(self.buffer, 0, usize::MAX >> 1, bytes.as_ref())
    }
}

impl Deref for BodyChunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for BodyChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The future of [`Exchange::next_chunk`](crate::Exchange::next_chunk).
#[derive(Debug)]
#[must_use = "it reads when it is awaited"]
pub struct NextChunk<'a> {
    context: u32,
    /// One chunk is awaited at a time.
    exchange: PhantomData<&'a mut ()>,
}

impl NextChunk<'_> {
    pub(crate) const fn new(context: u32) -> Self {
        Self {
            context,
            exchange: PhantomData,
        }
    }
}

impl Future for NextChunk<'_> {
    type Output = Result<Option<BodyChunk>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        reading::take(self.context, cx.waker())
    }
}

impl Drop for NextChunk<'_> {
    fn drop(&mut self) {
        reading::leave(self.context);
    }
}
