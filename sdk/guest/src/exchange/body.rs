//! Bodies of an exchange: what the body handlers read and replace.

use tollgate_abi::{BufferType, StreamType};

use super::{Exchange, Phase};
use crate::error::Error;
use crate::header::HeaderValue;
use crate::sys;

impl<S> Exchange<S> {
    /// Returns whether a body follows the headers of the current phase, as far as the host knows.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        self.has_body
    }

    /// Returns the body, in the handler that is given it.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn body(&self) -> Result<HeaderValue, Error> {
        sys::buffer_bytes(self.body_buffer(), 0, usize::MAX >> 1).map(HeaderValue::from)
    }

    /// Replaces the body, in the handler that is given it. The filter must have asked for it by
    /// [`BodyAccess::rewrite`](crate::BodyAccess::rewrite), or the length announced is wrong.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_buffer_bytes(self.body_buffer(), 0, usize::MAX >> 1, body.as_ref())
    }

    /// Returns how much of the body is there, in a body handler.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn body_size(&self) -> Result<usize, Error> {
        sys::buffer_size(self.body_buffer())
    }

    /// Resets the stream once the handler has returned: the client sees a broken connection.
    ///
    /// # Errors
    ///
    /// When the host refuses the call.
    pub fn reset(&mut self) -> Result<(), Error> {
        sys::close_stream(match self.phase {
            Phase::Request => StreamType::HttpRequest,
            Phase::Response => StreamType::HttpResponse,
        })
    }

    fn body_buffer(&self) -> BufferType {
        match self.phase {
            Phase::Request => BufferType::HttpRequestBody,
            Phase::Response => BufferType::HttpResponseBody,
        }
    }
}
