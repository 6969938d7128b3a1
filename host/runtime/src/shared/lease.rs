//! `VmIdLease`: how long the data and queues of a VM id live.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::SharedState;

/// How many leases each VM id has.
#[derive(Debug, Default)]
pub(super) struct Leases {
    counts: Mutex<HashMap<String, usize>>,
}

impl Leases {
    fn add(&self, vm_id: &str) {
        *self.counts.lock().entry(vm_id.to_owned()).or_default() += 1;
    }

    /// Gives a lease back. The last one calls `forget` before another can be made.
    fn remove(&self, vm_id: &str, forget: impl FnOnce()) {
        let mut counts = self.counts.lock();
        let Entry::Occupied(mut count) = counts.entry(vm_id.to_owned()) else {
            return;
        };
        *count.get_mut() = count.get().saturating_sub(1);
        if *count.get() == 0 {
            count.remove();
            forget();
        }
    }
}

/// Keeps the data and the queues of a VM id. Every VM has one; an embedder takes one more for as
/// long as its configuration names the VM id, so that what a VM has stored outlives its
/// replacement. When the last one is dropped all of it is deleted.
pub struct VmIdLease {
    shared: Arc<SharedState>,
    vm_id: String,
}

impl VmIdLease {
    pub(super) fn new(shared: &Arc<SharedState>, vm_id: &str) -> Self {
        shared.leases.add(vm_id);
        Self {
            shared: Arc::clone(shared),
            vm_id: vm_id.to_owned(),
        }
    }

    pub(crate) fn shared(&self) -> &SharedState {
        &self.shared
    }
}

impl Drop for VmIdLease {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.leases.remove(&self.vm_id, || {
            shared.data.remove_vm(&self.vm_id);
            shared.queues.remove_vm(&self.vm_id);
        });
    }
}

impl fmt::Debug for VmIdLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VmIdLease").field(&self.vm_id).finish()
    }
}
