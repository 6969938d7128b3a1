//! `WorkerVm`: a VM of one worker, its timers and callouts, and what its failure does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};

use tollgate_config::PluginConfig;
use tollgate_runtime::{ContextId, Fault, HttpHost, LoadError, Snapshot, Vm};

use super::error::PluginError;
use super::instances::InstanceSource;
use super::properties::ProxyFacts;
use super::services::WorkerServices;
use super::stats::ActiveVm;
use super::vm_table::to_runtime;

/// A VM with everything on this worker that belongs to it: the VM of plugins, or the instance of a
/// stream.
pub(super) struct WorkerVm {
    vm: RefCell<Vm>,
    services: Rc<WorkerServices>,
    paused: RefCell<HashMap<ContextId, PausedStream>>,
    failure_noted: Cell<bool>,
    /// The plugins that were started here, in order; none in a stream's instance.
    plugins: RefCell<Vec<(PluginConfig, ContextId)>>,
    /// Where streams get instances of their own, if they do.
    instances: Option<InstanceSource>,
    /// None in an instance that waits for a stream.
    active: Cell<Option<ActiveVm>>,
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
    pub(super) fn new(
        vm: Vm,
        services: Rc<WorkerServices>,
        instances: Option<InstanceSource>,
        active: ActiveVm,
    ) -> Rc<Self> {
        let new = Rc::new(Self {
            vm: RefCell::new(vm),
            services,
            paused: RefCell::default(),
            failure_noted: Cell::new(false),
            plugins: RefCell::default(),
            instances,
            active: Cell::new(Some(active)),
        });
        new.services.attach(&new);
        new
    }

    /// Starts a plugin, or returns the root of one that has started with an equal configuration.
    pub(super) fn start(&self, plugin: &PluginConfig) -> Result<ContextId, PluginError> {
        if let Some(root) = self.root_of(plugin) {
            return Ok(root);
        }
        let root = self
            .root_event(|vm| vm.start_plugin(to_runtime(plugin)))
            .map_err(|source| PluginError::load(plugin, source))?;
        self.plugins.borrow_mut().push((plugin.clone(), root));
        Ok(root)
    }

    /// Takes the place of a VM that has failed, with all its plugins.
    pub(super) fn succeed(&self, failed: &Self) {
        let (services, before) = (&self.services, &failed.services);
        services.shared().succeed(before.shared());
        for plugin in failed.plugins() {
            // One that does not start again is its own handle's concern.
            drop(self.start(&plugin));
        }
    }

    fn root_of(&self, plugin: &PluginConfig) -> Option<ContextId> {
        let plugins = self.plugins.borrow();
        let known = plugins.iter().find(|(known, _)| known == plugin)?;
        Some(known.1)
    }

    /// Returns the plugins that were started here, in order.
    pub(super) fn plugins(&self) -> Vec<PluginConfig> {
        let plugins = self.plugins.borrow();
        plugins.iter().map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Returns what makes an instance for each stream; `None` if all streams share this VM.
    pub(super) fn instances(&self) -> Option<&InstanceSource> {
        self.instances.as_ref()
    }

    /// Returns whether this is the instance of a stream.
    pub(super) fn is_of_a_stream(&self) -> bool {
        !self.services.are_of_the_root_vm()
    }

    /// The stream whose instance this is has ended: another may have it.
    pub(super) fn end_stream(self: &Rc<Self>) {
        let root_vm = self.services.shared().root_vm().upgrade();
        // Its services know it; whoever else does would bring it answers that the stream waited for.
        let is_waited_for = Rc::weak_count(self) > 1;
        let source = root_vm.as_ref().and_then(|vm| vm.instances.as_ref());
        if let Some(source) = source.filter(|_| !is_waited_for) {
            source.take_back(self);
        }
    }

    /// Brings an instance to where it began; `false` when it is of no more use.
    pub(super) fn rewind(&self) -> bool {
        let is_rewound = self.vm.try_borrow_mut().is_ok_and(|mut vm| vm.rewind());
        self.paused.borrow_mut().clear();
        self.active.take();
        is_rewound
    }

    /// A stream begins in a rewound instance of this snapshot. Returns `false` when it is of another
    /// one.
    pub(super) fn begin_again(
        &self,
        snapshot: &Snapshot,
        active: ActiveVm,
    ) -> Result<bool, LoadError> {
        self.active.set(Some(active));
        self.enter(|vm| snapshot.begin_again(vm))
    }

    /// Makes ready what streams get instances of, so that they have them even if this VM fails.
    pub(super) fn prepare_instances(&self) {
        if let Some(source) = &self.instances {
            source.prepare(self);
        }
    }

    /// Returns whether streams can have instances even if this VM has failed.
    pub(super) fn has_instances(&self) -> bool {
        let source = self.instances.as_ref();
        source.is_some_and(InstanceSource::is_prepared)
    }

    /// Enters the VM. What it asks of its hosts is done when it has returned and never enters a VM
    /// again from within, so there is no second borrow.
    pub(super) fn enter<T>(&self, call: impl FnOnce(&mut Vm) -> T) -> T {
        call(&mut self.vm.borrow_mut())
    }

    /// Enters the VM for a callback of a root, whose changes later streams are to see.
    fn root_event<T>(&self, call: impl FnOnce(&mut Vm) -> T) -> T {
        if let Some(source) = &self.instances {
            source.root_has_run();
        }
        self.enter(call)
    }

    pub(super) fn facts(&self) -> Rc<ProxyFacts> {
        self.services.facts()
    }

    pub(super) fn services(&self) -> &Rc<WorkerServices> {
        &self.services
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
        self.notify(|vm| vm.on_tick(root));
    }

    /// Tells the VM what has happened outside, unless it has failed.
    pub(super) fn notify(&self, event: impl FnOnce(&mut Vm) -> Result<(), Fault>) {
        if self.is_failed() {
            return;
        }
        if let Err(fault) = self.root_event(event) {
            self.note_fault(&fault);
        }
        self.report_ends();
    }

    /// Something has ended here: whoever watches for state that is kept gets to know it.
    pub(super) fn report_ends(&self) {
        if let Some(watch) = self.services.shared().state_watch() {
            watch.take_from(&mut self.vm.borrow_mut());
        }
    }

    /// Tells a plugin of an item in a queue of its own.
    pub(super) fn queue_ready(&self, root: ContextId, token: u32) {
        self.notify(|vm| vm.on_queue_ready(root, token));
    }

    /// Tells a plugin, as an access logger, of a stream that has ended.
    pub(super) fn log(&self, root: ContextId, stream: Rc<dyn HttpHost>) {
        self.notify(|vm| vm.on_stream_log(root, stream));
    }

    /// Says whether a plugin serves: only then its timer runs.
    pub(super) fn set_serving(&self, root: ContextId, serves: bool) {
        self.services.set_serving(root, serves);
    }

    /// Lets a plugin finish.
    pub(super) fn shut_down(&self, root: ContextId) {
        self.notify(|vm| vm.shut_down(root).map(drop));
    }

    /// Returns whether a plugin that was told to finish has done so.
    pub(super) fn is_finished(&self, root: ContextId) -> bool {
        self.is_failed() || !self.enter(|vm| vm.has_context(root))
    }

    /// Says once that the VM has failed, and answers the streams that wait for it. A fault that
    /// leaves the VM alive concerns its own stream only.
    pub(super) fn note_fault(&self, fault: &Fault) {
        if !self.is_failed() {
            self.services.log_fault(fault);
            return;
        }
        if self.failure_noted.replace(true) {
            return;
        }
        let module = self.vm.borrow().module().clone();
        let core = || self.vm.borrow_mut().coredump();
        self.services.note_fault(fault, &module, core);
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
