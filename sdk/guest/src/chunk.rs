//! Chunk: one part of a body or of a TCP stream, in the handler that is given it.

use tollgate_abi::BufferType;

use crate::driver::Part;
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
