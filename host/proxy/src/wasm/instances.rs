//! `InstanceSource`: where the streams of a VM get instances of their own.
//!
//! The snapshot is made once for all workers. Each worker's VM differs from it by what its plugins
//! have done since, in ticks, callouts and queues; a stream's instance is the snapshot with these
//! changes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use tollgate_runtime::{LoadError, Snapshot, SnapshotError, Vm};

use super::base::BaseSnapshot;
use super::runtime::WasmRuntime;
use super::services::{SharedServices, WorkerServices};
use super::spares::Spares;
use super::stats::WasmStats;
use super::vm::WorkerVm;
use super::vm_key::VmKey;

/// The instances of one VM of one worker.
pub(super) struct InstanceSource {
    runtime: Arc<WasmRuntime>,
    key: VmKey,
    stats: WasmStats,
    /// Kept so that other workers find it.
    base: RefCell<Option<Arc<BaseSnapshot>>>,
    current: RefCell<Option<Snapshot>>,
    delta_pages: Cell<u64>,
    /// A callback of a root has run since.
    is_stale: Cell<bool>,
    spares: Spares,
    /// A new snapshot on its way from the thread that compiles it.
    renewal: RefCell<Option<Receiver<Result<Snapshot, SnapshotError>>>>,
}

impl InstanceSource {
    pub(super) fn new(runtime: &Arc<WasmRuntime>, key: &VmKey, stats: &WasmStats) -> Self {
        Self {
            runtime: Arc::clone(runtime),
            key: key.clone(),
            stats: stats.clone(),
            base: RefCell::default(),
            current: RefCell::default(),
            delta_pages: Cell::new(0),
            is_stale: Cell::new(true),
            spares: Spares::new(runtime.spare_budget()),
            renewal: RefCell::default(),
        }
    }

    /// What streams are to see may have changed.
    pub(super) fn root_has_run(&self) {
        self.is_stale.set(true);
    }

    /// Looks at what the plugins have done now instead of for the next stream.
    pub(super) fn prepare(&self, root_vm: &WorkerVm) {
        if self.is_stale.get() && !root_vm.is_failed() {
            self.refresh(root_vm);
        }
    }

    /// Returns whether there is something to make instances of.
    pub(super) fn is_prepared(&self) -> bool {
        self.current.borrow().is_some()
    }

    /// Makes an instance. What the plugins have done since the last one is looked for now: without
    /// streams, ticks cost nothing here.
    pub(super) fn instantiate(
        &self,
        root_vm: &WorkerVm,
        shared: &Rc<SharedServices>,
    ) -> Result<Rc<WorkerVm>, LoadError> {
        if self.renewal.borrow().is_some() {
            self.take_renewal();
        }
        // Streams do not need the plugins' own VM: if that has failed, they see what it did before.
        self.prepare(root_vm);
        let current = self.current.borrow();
        let Some(snapshot) = current.as_ref() else {
            return Err(LoadError::Instantiate("there is no snapshot".to_owned()));
        };
        let vm = match self.spare(snapshot)? {
            Some(spare) => spare,
            None => self.create(snapshot, shared)?,
        };
        if snapshot.is_worn() && self.renewal.borrow().is_none() && !root_vm.is_failed() {
            self.renew(root_vm);
        }
        Ok(vm)
    }

    fn create(
        &self,
        snapshot: &Snapshot,
        shared: &Rc<SharedServices>,
    ) -> Result<Rc<WorkerVm>, LoadError> {
        let services = WorkerServices::new(shared);
        let vm = snapshot.instantiate(Rc::clone(&services) as _)?;
        let active = self.stats.instance_created();
        Ok(WorkerVm::new(vm, services, None, active))
    }

    /// Returns an instance that another stream has left behind.
    fn spare(&self, snapshot: &Snapshot) -> Result<Option<Rc<WorkerVm>>, LoadError> {
        while let Some(spare) = self.spares.pop() {
            if spare.begin_again(snapshot, self.stats.instance_reused())? {
                return Ok(Some(spare));
            }
        }
        Ok(None)
    }

    /// Keeps the instance of a stream that has ended for the next one, if that can be.
    pub(super) fn take_back(&self, instance: &Rc<WorkerVm>) {
        if self.spares.has_room() && instance.rewind() {
            self.spares.push(Rc::clone(instance));
        }
    }

    /// Brings what streams see up to date.
    fn refresh(&self, root_vm: &WorkerVm) {
        match self.changed(root_vm) {
            Ok(snapshot) => {
                self.current.replace(Some(snapshot));
                self.is_stale.set(false);
            }
            Err(error) => tracing::error!(target: "wasm", %error, "no snapshot of a VM"),
        }
    }

    fn changed(&self, root_vm: &WorkerVm) -> Result<Snapshot, SnapshotError> {
        let before = self.current.borrow().clone();
        let before = match before {
            Some(current) => current,
            None => self.base(root_vm)?,
        };
        let changes = root_vm.enter(|vm| vm.changes_since(&before))?;
        self.count_pages(u64::try_from(changes.page_count()).unwrap_or(u64::MAX));
        Ok(before.with_changes(changes))
    }

    /// Returns the snapshot that workers share. One of a VM that started with other plugins, or in
    /// another order, serves as well: it only differs more.
    fn base(&self, root_vm: &WorkerVm) -> Result<Snapshot, SnapshotError> {
        let bases = self.runtime.bases();
        let base = match bases.find(&self.key) {
            Some(base) => base,
            None => {
                let snapshot = root_vm.enter(Vm::snapshot)?;
                self.stats.snapshot_taken();
                bases.add(self.key.clone(), snapshot)
            }
        };
        let snapshot = base.snapshot.clone();
        self.base.replace(Some(base));
        Ok(snapshot)
    }

    /// Has a new snapshot compiled on a thread of its own: the changes since the last one have cost
    /// as much by now. Until it is there, streams go on with the changes.
    fn renew(&self, root_vm: &WorkerVm) {
        let Ok(image) = root_vm.enter(Vm::capture) else {
            return;
        };
        let (sender, receiver) = sync_channel(1);
        let thread = std::thread::Builder::new().name("wasm-snapshot".to_owned());
        let started = thread.spawn(move || {
            // Nobody waits for it any more if its VM has failed meanwhile.
            drop(sender.send(image.compile()));
        });
        match started {
            Ok(_) => drop(self.renewal.replace(Some(receiver))),
            Err(error) => tracing::error!(target: "wasm", %error, "no thread for a snapshot"),
        }
    }

    fn take_renewal(&self) {
        let arrived = match self.renewal.borrow().as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return,
            Some(Err(TryRecvError::Disconnected)) => None,
            Some(Ok(arrived)) => Some(arrived),
        };
        self.renewal.replace(None);
        match arrived {
            Some(Ok(snapshot)) => {
                self.stats.snapshot_taken();
                self.current.replace(Some(snapshot));
                self.spares.clear();
                // It is as old as its compilation took.
                self.is_stale.set(true);
            }
            Some(Err(error)) => tracing::error!(target: "wasm", %error, "no new snapshot of a VM"),
            None => {}
        }
    }

    fn count_pages(&self, pages: u64) {
        let gauge = self.stats.delta_pages();
        gauge.sub(self.delta_pages.replace(pages));
        gauge.add(pages);
    }
}

impl Drop for InstanceSource {
    fn drop(&mut self) {
        self.count_pages(0);
    }
}

impl fmt::Debug for InstanceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceSource")
            .field("is_stale", &self.is_stale)
            .finish_non_exhaustive()
    }
}
