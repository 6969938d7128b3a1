//! Shared data: values that every worker and every VM with the same `vm_id` sees.

use tollgate_abi::Status;

use crate::error::{Error, found};
use crate::sys;

/// How often [`Kv::update`] starts over when others are faster.
const MAX_ATTEMPTS: u32 = 32;

/// A compare-and-swap number that no entry has: writing with it succeeds only when the key is
/// absent. Hosts count such numbers up from 1.
const IF_ABSENT: u32 = u32::MAX;

/// A part of the shared data whose keys begin with a prefix of its own.
///
/// An empty value is the same as none: the ABI has no removal, so that is how one is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kv {
    prefix: String,
}

/// What [`Kv::update`] does with the value it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is nothing else to do with a value"
)]
pub enum Update {
    /// Leaves it.
    Keep,
    /// Replaces it.
    Put(Vec<u8>),
    /// Removes it.
    Remove,
}

impl Kv {
    /// Names a part; plugins that use the same prefix share it.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let entry = found(sys::shared_data(&self.key(key.as_ref())))?;
        Ok(entry
            .map(|(value, _)| value)
            .filter(|value| !value.is_empty()))
    }

    /// Sets the value of a key, whatever it was.
    ///
    /// # Errors
    ///
    /// When the host refuses the write.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_shared_data(&self.key(key.as_ref()), value.as_ref(), 0)
    }

    /// Removes a key.
    ///
    /// # Errors
    ///
    /// When the host refuses the write.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(key, [])
    }

    /// Changes a value by what it is now: `change` sees it and says what becomes of it, together
    /// with a result for the caller. If another worker writes in between, it is asked again.
    ///
    /// # Errors
    ///
    /// When the host refuses a call; `CasMismatch` when others were faster 32 times.
    pub fn update<R>(
        &self,
        key: impl AsRef<[u8]>,
        mut change: impl FnMut(Option<&[u8]>) -> (Update, R),
    ) -> Result<R, Error> {
        let key = self.key(key.as_ref());
        let mut attempts = MAX_ATTEMPTS;
        loop {
            let (value, cas) = found(sys::shared_data(&key))?.unwrap_or((Vec::new(), IF_ABSENT));
            let (update, result) = change((!value.is_empty()).then_some(value.as_slice()));
            let value = match update {
                Update::Keep => return Ok(result),
                Update::Put(value) => value,
                Update::Remove => Vec::new(),
            };
            attempts -= 1;
            match sys::set_shared_data(&key, &value, cas) {
                Ok(()) => return Ok(result),
                Err(error) if error.is(Status::CasMismatch) && attempts > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(self.prefix.len() + 1 + key.len());
        full.extend_from_slice(self.prefix.as_bytes());
        full.push(b':');
        full.extend_from_slice(key);
        full
    }
}
