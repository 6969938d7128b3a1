//! `BaseSnapshot`: the image of a VM after its plugins were configured, once for all workers.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tollgate_runtime::Snapshot;

use super::vm_key::VmKey;

/// A snapshot of a VM in which plugins were started: little differs in other VMs of the same key.
#[derive(Debug)]
pub(super) struct BaseSnapshot {
    key: VmKey,
    pub(super) snapshot: Snapshot,
}

/// The snapshots that somebody still uses.
#[derive(Debug, Default)]
pub(super) struct BaseSnapshots(Mutex<Vec<Weak<BaseSnapshot>>>);

impl BaseSnapshots {
    pub(super) fn find(&self, key: &VmKey) -> Option<Arc<BaseSnapshot>> {
        let known = self.0.lock();
        let mut live = known.iter().filter_map(Weak::upgrade);
        live.find(|base| base.key == *key)
    }

    pub(super) fn add(&self, key: VmKey, snapshot: Snapshot) -> Arc<BaseSnapshot> {
        let base = Arc::new(BaseSnapshot { key, snapshot });
        let mut known = self.0.lock();
        known.retain(|base| base.strong_count() > 0);
        known.push(Arc::downgrade(&base));
        base
    }
}
