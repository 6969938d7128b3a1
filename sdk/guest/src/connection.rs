//! Connection: a TCP connection, as a [`StreamFilter`](crate::StreamFilter)'s handlers see it.

use tollgate_abi::StreamType;

use crate::error::Error;
use crate::property::{self, FromProperty};
use crate::sys;
use crate::time::Timestamp;

/// A TCP connection.
#[derive(Debug, Default)]
pub struct Connection<S> {
    /// What the filter remembers of this connection.
    pub state: S,
    id: u32,
}

impl<S: Default> Connection<S> {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            state: S::default(),
            id,
        }
    }
}

impl<S> Connection<S> {
    /// Returns the id of the connection's context, as the host's log prints it.
    #[must_use]
    pub const fn context_id(&self) -> u32 {
        self.id
    }

    /// Returns an attribute; see [`Exchange::prop`](crate::Exchange::prop).
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value, or gives
    /// one that is no `T`.
    pub fn prop<T: FromProperty>(&self, path: impl AsRef<[u8]>) -> Result<Option<T>, Error> {
        property::read(path.as_ref())
    }

    /// Stores a value for later filters of this connection; see
    /// [`Exchange::set_property`](crate::Exchange::set_property).
    ///
    /// # Errors
    ///
    /// When the host refuses it.
    pub fn set_property(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_property(name.as_bytes(), value.as_ref())
    }

    /// Closes the connection once the handler has returned and all that was sent is delivered.
    ///
    /// # Errors
    ///
    /// When the host refuses the call.
    pub fn close(&mut self) -> Result<(), Error> {
        sys::close_stream(StreamType::Downstream)
    }

    /// Returns the time by the host's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        crate::time::now()
    }
}
