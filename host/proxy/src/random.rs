//! Random numbers: for request ids drawn from the system in batches, for choices computed.

use std::cell::RefCell;

/// Bytes drawn at once: one system call serves 128 request ids.
const BATCH: usize = 2048;

/// A worker's supply of random numbers.
#[derive(Debug)]
pub(crate) struct Random {
    batch: RefCell<(Box<[u8; BATCH]>, usize)>,
    numbers: RefCell<fastrand::Rng>,
}

impl Default for Random {
    fn default() -> Self {
        Self {
            batch: RefCell::new((Box::new([0; BATCH]), BATCH)),
            numbers: RefCell::default(),
        }
    }
}

impl Random {
    /// Returns 16 unpredictable bytes.
    pub(crate) fn bytes(&self) -> [u8; 16] {
        let mut batch = self.batch.borrow_mut();
        let (bytes, used) = &mut *batch;
        if *used >= BATCH {
            // Without entropy the old batch is used again: ids repeat, requests go on.
            if let Err(error) = getrandom::fill(bytes.as_mut_slice()) {
                tracing::error!(%error, "no entropy");
            }
            *used = 0;
        }
        let taken = bytes
            .get(*used..*used + 16)
            .and_then(|bytes| bytes.try_into().ok());
        *used += 16;
        taken.unwrap_or_default()
    }

    /// Returns a random number for a choice, which need not be a secret.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.borrow_mut().u64(..)
    }

    /// Returns a random index below `len`, and 0 when there is none.
    pub(crate) fn index(&self, len: usize) -> usize {
        self.numbers.borrow_mut().usize(..len.max(1))
    }
}
