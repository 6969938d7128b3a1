//! `InFlight`: how many HTTP callouts of a VM have no answer yet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Common;

/// The callouts of one VM or instance among those of all instances, which are limited together.
/// With the VM they are given up.
#[derive(Debug)]
pub(crate) struct InFlight {
    common: Arc<Common>,
    mine: usize,
}

impl InFlight {
    pub(crate) const fn new(common: Arc<Common>) -> Self {
        Self { common, mine: 0 }
    }

    /// Takes a place; `false` when there is none.
    pub(crate) fn add(&mut self) -> bool {
        let all = &self.common.callouts;
        if all.fetch_add(1, Ordering::Relaxed) >= self.common.config.limits.callouts {
            all.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.mine += 1;
        true
    }

    /// Gives a place back.
    pub(crate) fn remove(&mut self) {
        if self.mine > 0 {
            self.mine -= 1;
            self.common.callouts.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.mine
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.mine > 0 {
            self.common.callouts.fetch_sub(self.mine, Ordering::Relaxed);
        }
    }
}
