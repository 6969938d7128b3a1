//! Random numbers for request ids and load balancing, drawn from the system in batches.

use std::cell::RefCell;

/// Bytes drawn at once: one system call serves 128 request ids.
const BATCH: usize = 2048;

/// A worker's supply of random bytes.
#[derive(Debug)]
pub(crate) struct Random {
    batch: RefCell<(Box<[u8; BATCH]>, usize)>,
}

impl Default for Random {
    fn default() -> Self {
        Self {
            batch: RefCell::new((Box::new([0; BATCH]), BATCH)),
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

    /// Returns a random number.
    pub(crate) fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// Returns a random index below `len`, and 0 when there is none.
    pub(crate) fn index(&self, len: usize) -> usize {
        // The remainder is below `len`, which is a usize.
        usize::try_from(self.number() % (len.max(1) as u64)).unwrap_or_default()
    }
}
