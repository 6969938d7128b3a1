//! `WorkerVm`: a VM of one worker, its timers and callouts, and what its failure does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::SystemTime;

use tollgate_runtime::{ContextId, Fault, Vm};

use super::faults::FaultSink;
use super::properties::ProxyFacts;
use super::runtime::WasmRuntime;
use super::services::WorkerServices;
use super::stats::ActiveVm;

/// A VM with everything on this worker that belongs to it.
pub(super) struct WorkerVm {
    vm: RefCell<Vm>,
    services: Rc<WorkerServices>,
    paused: RefCell<HashMap<ContextId, PausedStream>>,
    failure_noted: Cell<bool>,
    faults: Arc<FaultSink>,
    _active: ActiveVm,
}

/// What waits for a VM: nothing else would end its wait if the VM failed.
pub(super) trait Paused {
    /// The VM has failed: the wait ends by going on, or by an answer that says so.
    fn end_wait(&self, goes_on: bool);
}

/// A stream or connection that waits for this VM.
struct PausedStream {
    host: Weak<dyn Paused>,
    goes_on_after_fault: bool,
}

impl WorkerVm {
    pub(super) fn new(vm: Vm, services: Rc<WorkerServices>, runtime: &WasmRuntime) -> Rc<Self> {
        let new = Rc::new(Self {
            vm: RefCell::new(vm),
            services,
            paused: RefCell::default(),
            failure_noted: Cell::new(false),
            faults: Arc::clone(runtime.faults()),
            _active: runtime.stats().vm_created(),
        });
        new.services.attach(&new);
        new
    }

    /// Enters the VM. What it asks of its hosts is done when it has returned and never enters a VM
    /// again from within, so there is no second borrow.
    pub(super) fn enter<T>(&self, call: impl FnOnce(&mut Vm) -> T) -> T {
        call(&mut self.vm.borrow_mut())
    }

    pub(super) fn facts(&self) -> Rc<ProxyFacts> {
        self.services.facts()
    }

    pub(super) fn is_failed(&self) -> bool {
        self.vm.borrow().is_failed()
    }

    pub(super) fn remember_paused(
        &self,
        context: ContextId,
        host: &Rc<dyn Paused>,
        goes_on_after_fault: bool,
    ) {
        let stream = PausedStream {
            host: Rc::downgrade(host),
            goes_on_after_fault,
        };
        self.paused.borrow_mut().insert(context, stream);
    }

    pub(super) fn forget_paused(&self, context: ContextId) {
        let mut paused = self.paused.borrow_mut();
        if !paused.is_empty() {
            paused.remove(&context);
        }
    }

    /// Timers call this.
    pub(super) fn tick(&self, root: ContextId) {
        if let Err(fault) = self.enter(|vm| vm.on_tick(root)) {
            self.note_fault(&fault);
        }
    }

    /// Tells the VM what has happened outside, unless it has failed.
    pub(super) fn notify(&self, event: impl FnOnce(&mut Vm) -> Result<(), Fault>) {
        if self.is_failed() {
            return;
        }
        if let Err(fault) = self.enter(event) {
            self.note_fault(&fault);
        }
    }

    /// Tells a plugin of an item in a queue of its own.
    pub(super) fn queue_ready(&self, root: ContextId, token: u32) {
        if self.is_failed() {
            return;
        }
        if let Err(fault) = self.enter(|vm| vm.on_queue_ready(root, token)) {
            self.note_fault(&fault);
        }
    }

    /// Says whether a plugin serves: only then its timer runs.
    pub(super) fn set_serving(&self, root: ContextId, serves: bool) {
        self.services.set_serving(root, serves);
    }

    /// Lets a plugin finish.
    pub(super) fn shut_down(&self, root: ContextId) {
        if self.is_failed() {
            return;
        }
        if let Err(fault) = self.enter(|vm| vm.shut_down(root)) {
            self.note_fault(&fault);
        }
    }

    /// Returns whether a plugin that was told to finish has done so.
    pub(super) fn is_finished(&self, root: ContextId) -> bool {
        self.is_failed() || !self.enter(|vm| vm.has_context(root))
    }

    /// Says once that the VM has failed, and answers the streams that wait for it. A fault that
    /// leaves the VM alive concerns its own stream only.
    pub(super) fn note_fault(&self, fault: &Fault) {
        if !self.is_failed() {
            tracing::error!(target: "wasm", "{fault}");
            return;
        }
        if self.failure_noted.replace(true) {
            return;
        }
        tracing::error!(target: "wasm", "{fault}");
        self.faults
            .record(fault, self.vm.borrow().module(), SystemTime::now());
        self.services.stop();
        for stream in std::mem::take(&mut *self.paused.borrow_mut()).into_values() {
            if let Some(host) = stream.host.upgrade() {
                host.end_wait(stream.goes_on_after_fault);
            }
        }
    }
}

impl fmt::Debug for WorkerVm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerVm")
            .field("vm", &self.vm)
            .finish_non_exhaustive()
    }
}
