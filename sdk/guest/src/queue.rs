//! Shared queues: items that one worker puts in and another takes out.
//!
//! The plugin that registered a queue last is told of each item, by its `queue_ready` handler.
//!
//! ```
//! use tollgate::queue::Queue;
//!
//! fn report(event: &[u8]) -> Result<(), tollgate::Error> {
//!     match Queue::resolve("", "events")? {
//!         Some(queue) => queue.push(event),
//!         None => Ok(()), // nobody listens
//!     }
//! }
//! ```

use tollgate_abi::Status;

use crate::error::{Error, found};
use crate::sys;

/// A queue of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    token: u32,
}

impl Queue {
    pub(crate) const fn from_token(token: u32) -> Self {
        Self { token }
    }

    /// Makes a queue of this plugin's VM id, or finds the one there is. From now on this plugin is
    /// told of its items, on the worker that calls this.
    ///
    /// # Errors
    ///
    /// When the host refuses the call.
    pub fn register(name: &str) -> Result<Self, Error> {
        sys::register_shared_queue(name.as_bytes()).map(Self::from_token)
    }

    /// Finds a queue by the VM id of the plugin that registered it, or by this plugin's own when
    /// that is empty; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the host refuses the call.
    pub fn resolve(vm_id: &str, name: &str) -> Result<Option<Self>, Error> {
        let token = sys::resolve_shared_queue(vm_id.as_bytes(), name.as_bytes());
        found(token).map(|token| token.map(Self::from_token))
    }

    /// Puts an item at the end.
    ///
    /// # Errors
    ///
    /// When the queue is gone or full.
    pub fn push(&self, item: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::enqueue_shared_queue(self.token, item.as_ref())
    }

    /// Takes the first item; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the queue is gone.
    pub fn pop(&self) -> Result<Option<Vec<u8>>, Error> {
        match sys::dequeue_shared_queue(self.token) {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.is(Status::Empty) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the host's number of the queue.
    #[must_use]
    pub const fn token(&self) -> u32 {
        self.token
    }
}
