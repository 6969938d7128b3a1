//! `SharedData`: a key-value store with compare-and-swap, one namespace per VM id.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

/// How much one VM id may store.
#[derive(Clone, Copy, Debug)]
pub struct SharedLimits {
    /// Most keys.
    pub keys: usize,
    /// Most bytes of keys and values.
    pub bytes: usize,
}

impl Default for SharedLimits {
    fn default() -> Self {
        Self {
            keys: 1_000_000,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// The value has changed since its number was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CasMismatch {
    /// The number it has now.
    pub current: u32,
}

/// Why a value was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The compare-and-swap number is not the current one.
    CasMismatch(CasMismatch),
    /// The namespace is full.
    Full,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CasMismatch(CasMismatch { current }) => write!(
                f,
                "the value has changed: its compare-and-swap number is now {current}"
            ),
            Self::Full => f.write_str(
                "the shared data of this VM id is full; remove keys that are no longer used",
            ),
        }
    }
}

impl Error for SetError {}

/// A process-wide store: VM id → key → value with its compare-and-swap number.
#[derive(Debug, Default)]
pub struct SharedData {
    namespaces: RwLock<HashMap<String, Arc<Namespace>>>,
    limits: SharedLimits,
    /// One counter for all, as in Envoy: a number never comes back with another value.
    last_cas: Arc<AtomicU32>,
}

impl SharedData {
    /// Returns an empty store with these limits per VM id.
    #[must_use]
    pub fn with_limits(limits: SharedLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Returns a value with its compare-and-swap number, which is never 0.
    #[must_use]
    pub fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Bytes, u32)> {
        self.namespaces.read().get(vm_id)?.get(key)
    }

    /// Stores a value and returns its new number. `cas` 0 stores it whatever is there; another
    /// number must be that of the value there, if there is one.
    ///
    /// # Errors
    ///
    /// When the number is not the current one, or when the VM id has stored too much.
    pub fn set(&self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Result<u32, SetError> {
        self.namespace(vm_id).set(key, value, cas)
    }

    /// Forgets all that a VM id has stored.
    pub fn remove_vm(&self, vm_id: &str) {
        if let Some(namespace) = self.namespaces.write().remove(vm_id) {
            namespace.clear();
        }
    }

    /// Returns the namespace of a VM id, which a VM keeps to save the look-up.
    pub(crate) fn namespace(&self, vm_id: &str) -> Arc<Namespace> {
        if let Some(namespace) = self.namespaces.read().get(vm_id) {
            return Arc::clone(namespace);
        }
        let mut namespaces = self.namespaces.write();
        let made = namespaces.entry(vm_id.to_owned()).or_insert_with(|| {
            Arc::new(Namespace {
                entries: Mutex::default(),
                bytes: AtomicUsize::new(0),
                limits: self.limits,
                last_cas: Arc::clone(&self.last_cas),
            })
        });
        Arc::clone(made)
    }
}

/// The data of one VM id.
#[derive(Debug)]
pub(crate) struct Namespace {
    entries: Mutex<HashMap<Box<[u8]>, Entry>>,
    /// Of keys and values; changed only under the lock.
    bytes: AtomicUsize,
    limits: SharedLimits,
    last_cas: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    cas: u32,
}

impl Namespace {
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Bytes, u32)> {
        let entries = self.entries.lock();
        entries
            .get(key)
            .map(|entry| (entry.value.clone(), entry.cas))
    }

    pub(crate) fn set(&self, key: &[u8], value: &[u8], cas: u32) -> Result<u32, SetError> {
        let value = Bytes::copy_from_slice(value);
        let mut entries = self.entries.lock();
        let bytes = self.bytes.load(Ordering::Relaxed);
        let (count, size) = (entries.len(), value.len());
        if let Some(entry) = entries.get_mut(key) {
            if cas != 0 && cas != entry.cas {
                return Err(SetError::CasMismatch(CasMismatch { current: entry.cas }));
            }
            let rest = bytes.saturating_sub(entry.value.len());
            let bytes = self.fit(rest.saturating_add(size))?;
            *entry = Entry {
                value,
                cas: self.next_cas(),
            };
            self.bytes.store(bytes, Ordering::Relaxed);
            return Ok(entry.cas);
        }
        if count >= self.limits.keys {
            return Err(SetError::Full);
        }
        let bytes = self.fit(bytes.saturating_add(key.len()).saturating_add(size))?;
        let cas = self.next_cas();
        entries.insert(key.into(), Entry { value, cas });
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(cas)
    }

    const fn fit(&self, bytes: usize) -> Result<usize, SetError> {
        if bytes > self.limits.bytes {
            Err(SetError::Full)
        } else {
            Ok(bytes)
        }
    }

    /// Returns the next number; 0 means "unconditional" and is left out.
    fn next_cas(&self) -> u32 {
        loop {
            let next = self
                .last_cas
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(1);
            if next != 0 {
                return next;
            }
        }
    }

    fn clear(&self) {
        let mut entries = self.entries.lock();
        entries.clear();
        self.bytes.store(0, Ordering::Relaxed);
    }
}
