//! Bodies of an exchange: what the body handlers read and replace.

use tollgate_abi::{BufferType, StreamType};

use super::{Exchange, Phase};
use crate::chunk::NextChunk;
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

    /// Awaits the next part of the body, in a body handler whose access is
    /// [`BodyAccess::chunks`](crate::BodyAccess::chunks); `None` when there is no further one.
    ///
    /// The part passes on when the next one is awaited, or the handler ends. Whatever else the handler
    /// awaits holds it back, with all that comes behind it: the host keeps as much as its buffer
    /// limit allows, and then takes no more from its peer.
    ///
    /// ```
    /// use tollgate::prelude::*;
    /// use tollgate::http;
    ///
    /// async fn scan(ex: &mut Exchange<()>) -> Result<(), Reject> {
    ///     while let Some(chunk) = ex.next_chunk().await? {
    ///         let verdict = http::post("scanner", "/scan").body(chunk).send().await?;
    ///         if verdict.status() != 200 {
    ///             return Err(Reject::new(403));
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the host has refused to show the part.
    pub const fn next_chunk(&mut self) -> NextChunk<'_> {
        NextChunk::new(self.id)
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
