//! `StreamVms`: the instances of one stream while its filters are made.

use std::rc::Rc;

use smallvec::SmallVec;
use tollgate_runtime::LoadError;

use super::stream_vm::StreamVm;
use super::vm::WorkerVm;

/// The instances that a stream has: plugins that share a VM share the stream's instance too.
#[derive(Debug, Default)]
pub(crate) struct StreamVms(SmallVec<[KnownVm; 1]>);

#[derive(Debug)]
struct KnownVm {
    root_vm: Rc<WorkerVm>,
    vm: StreamVm,
}

impl StreamVms {
    /// Returns what the stream runs in for the plugins of this VM.
    pub(super) fn of(&mut self, root_vm: &Rc<WorkerVm>) -> Result<StreamVm, LoadError> {
        let Some(source) = root_vm.instances() else {
            return Ok(Rc::clone(root_vm).into());
        };
        let mut known = self.0.iter();
        if let Some(known) = known.find(|known| Rc::ptr_eq(&known.root_vm, root_vm)) {
            return Ok(known.vm.clone());
        }
        let vm = StreamVm::from(source.instantiate(root_vm, root_vm.services().shared())?);
        self.0.push(KnownVm {
            root_vm: Rc::clone(root_vm),
            vm: vm.clone(),
        });
        Ok(vm)
    }
}
