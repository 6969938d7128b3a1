//! `Writers`: how a number is added to, by who may do so.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who writes a number. Everybody may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    /// Its worker alone, which needs no locked instruction: a request counts in thirty places.
    One,
    /// Any thread.
    Many,
}

impl Writers {
    /// Adds to a number, which wraps: to take away, what is added is negative.
    pub(super) fn add(self, number: &AtomicU64, added: u64) {
        match self {
            Self::One => {
                let sum = number.load(Ordering::Relaxed).wrapping_add(added);
                number.store(sum, Ordering::Relaxed);
            }
            Self::Many => {
                number.fetch_add(added, Ordering::Relaxed);
            }
        }
    }
}
