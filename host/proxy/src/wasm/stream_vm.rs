//! `StreamVm`: a VM as a stream has it.

use std::ops::Deref;
use std::rc::Rc;

use super::vm::WorkerVm;

/// The VM of all streams, or an instance that is the stream's own. Such a one is ready for another
/// stream when the last of these is gone.
#[derive(Clone, Debug)]
pub(super) struct StreamVm(Rc<WorkerVm>);

impl From<Rc<WorkerVm>> for StreamVm {
    fn from(vm: Rc<WorkerVm>) -> Self {
        Self(vm)
    }
}

impl Deref for StreamVm {
    type Target = WorkerVm;

    fn deref(&self) -> &WorkerVm {
        &self.0
    }
}

impl Drop for StreamVm {
    fn drop(&mut self) {
        // Plugins hold theirs. What a callback runs in just now is not used again.
        if Rc::strong_count(&self.0) == 1 {
            self.0.end_stream();
        }
    }
}
