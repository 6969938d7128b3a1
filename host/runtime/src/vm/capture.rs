//! Snapshots of a VM: its state copied out, and instances made from it.

use std::rc::Rc;
use std::sync::Arc;

use wasmtime::Extern;

use super::guest::{Entry, Guest};
use super::rewind::Beginning;
use super::state::VM_CONTEXT;
use super::{Vm, VmState, WASM_PAGE, instance};
use crate::context::RootContext;
use crate::host::HostServices;
use crate::module::ON_RESTORE;
use crate::pages::WrittenPages;
use crate::record::Recorder;
use crate::snapshot::{Base, Global, Image, Plugins, Snapshot, changed_runs};
use crate::{Delta, Fault, LoadError, SnapshotError, SnapshotReport};

impl Vm {
    /// Takes a snapshot: [`capture`](Self::capture) and [`Image::compile`] in one.
    ///
    /// # Errors
    ///
    /// As both of them.
    pub fn snapshot(&mut self) -> Result<Snapshot, SnapshotError> {
        self.capture()?.compile()
    }

    /// Copies the state of a VM whose plugins are started; the copy can be compiled on another
    /// thread while this VM goes on. Callouts under way stay with this VM: when plugins have sent
    /// some while they were configured, capture after the answers have come.
    ///
    /// # Errors
    ///
    /// When the module has what a snapshot cannot hold, which
    /// [`Module::snapshot_obstacle`](crate::Module::snapshot_obstacle) tells beforehand, when a
    /// fault has ended the VM, or when streams are in it.
    pub fn capture(&mut self) -> Result<Image, SnapshotError> {
        if let Some(obstacle) = self.module.snapshot_obstacle() {
            return Err(obstacle.clone());
        }
        if self.guest.has_failed() {
            return Err(SnapshotError::VmFailed);
        }
        let plugins = self.plugins()?;
        let globals = self.globals();
        let state = self.guest.state();
        Ok(Image {
            module: self.module.clone(),
            common: Arc::clone(&state.common),
            start_steps: state.recorder.as_ref().map(|recorder| recorder.start()),
            gate: state.gate.clone(),
            plugins,
            memory: self.memory().to_vec(),
            globals,
            report: SnapshotReport {
                has_restore_hook: self.module.has_callback(ON_RESTORE),
                ..state.start_reads.clone()
            },
        })
    }

    /// Returns how the guest differs from a snapshot: of this VM, of the VM that this one was made
    /// from, or of any VM of the same module and configuration, such as another worker's. All of
    /// memory is compared: some 50 µs for each MiB.
    ///
    /// # Errors
    ///
    /// When the snapshot is of another module, when a fault has ended this one, or when streams are
    /// in it.
    pub fn changes_since(&mut self, snapshot: &Snapshot) -> Result<Delta, SnapshotError> {
        let image = snapshot.image();
        if !image.module.is(&self.module) {
            return Err(SnapshotError::OtherModule);
        }
        if self.guest.has_failed() {
            return Err(SnapshotError::VmFailed);
        }
        let plugins = self.plugins()?;
        let globals = self.globals().into_iter().zip(&image.globals).enumerate();
        let globals = globals.filter(|(_, (now, before))| now != *before);
        let globals = globals
            .map(|(index, ((_, value), _))| (index, value))
            .collect();
        let memory = self.memory();
        Ok(Delta {
            memory_len: memory.len(),
            runs: changed_runs(&image.memory, memory),
            globals,
            plugins,
            has_grown: memory.len() > image.memory.len(),
        })
    }

    fn plugins(&self) -> Result<Plugins, SnapshotError> {
        let state = self.guest.state();
        let roots = state
            .contexts
            .only_roots()
            .map_err(SnapshotError::HasStreams)?;
        let roots = roots.into_iter().map(|(id, root)| (id, root.into()));
        Ok(Plugins {
            roots: roots.collect(),
            metrics: state.metrics.clone(),
        })
    }

    pub(super) fn memory(&self) -> &[u8] {
        let memory = self.guest.state().memory;
        memory.map_or(&[], |memory| memory.data(&self.guest.store))
    }

    pub(super) fn globals(&mut self) -> Vec<(String, Global)> {
        let names = self.module.mutable_globals();
        let Some(instance) = self.guest.state().instance else {
            return Vec::new();
        };
        let store = &mut self.guest.store;
        let globals = names.iter().filter_map(|name| {
            let global = instance.get_global(&mut *store, name)?;
            Some((name.clone(), Global::of(&global.get(&mut *store))?))
        });
        globals.collect()
    }

    /// Makes an instance of a snapshot.
    pub(crate) fn restore(
        base: &Arc<Base>,
        changes: Option<&Delta>,
        services: Rc<dyn HostServices>,
    ) -> Result<Self, LoadError> {
        let image = &base.image;
        let module = &image.module;
        let mut state = VmState::of(
            module.abi_version(),
            Arc::clone(&image.common),
            image.plugins.metrics.clone(),
            image.gate.clone(),
            services,
        );
        state.has_tick = module.has_callback("proxy_on_tick");
        state.allocator.clone_from(&base.allocator);
        state.offers_results = module.offers_results();
        let engine = base.linked.module().engine();
        let mut guest = Guest::new(engine, base.settings, state).map_err(instance::refused)?;
        let instance = base.linked.instantiate(&mut guest.store);
        let instance = instance.map_err(instance::refused)?;
        let memory = instance.get_module_export(&mut guest.store, &base.memory);
        let memory = memory.and_then(Extern::into_memory);
        let beginning = Beginning::of(base, instance, &mut guest.store);
        guest.pages = memory
            .zip(module.engine().page_map())
            .map(|(memory, map)| WrittenPages::of(map, memory.data_mut(&mut guest.store)));
        let state = guest.state_mut();
        state.instance = Some(instance);
        state.memory = memory;
        let mut vm = Self {
            guest,
            exports: base.exports.clone(),
            module: module.clone(),
            beginning: Some(beginning),
        };
        vm.begin(changes)?;
        Ok(vm)
    }

    /// Makes an instance, new or rewound, what its snapshot is with these changes.
    pub(crate) fn begin(&mut self, changes: Option<&Delta>) -> Result<(), LoadError> {
        let Some(beginning) = &self.beginning else {
            return Ok(());
        };
        let base = Arc::clone(beginning.base());
        let image = &base.image;
        let plugins = changes.map_or(&image.plugins, |changes| &changes.plugins);
        let start = image.start_steps.clone();
        let has_changed = changes.is_some();
        let state = self.guest.state_mut();
        state.metrics.clone_from(&plugins.metrics);
        state.recorder = start.map(|start| Box::new(Recorder::of_instance(start, has_changed)));
        for (id, root) in &plugins.roots {
            state.contexts.restore(*id, RootContext::from(root));
        }
        if let Some(changes) = changes {
            self.apply(changes, &base).map_err(instance::refused)?;
        }
        Ok(self.on_restore()?)
    }

    fn apply(&mut self, changes: &Delta, base: &Base) -> Result<(), wasmtime::Error> {
        let instance = self.guest.state().instance;
        let store = &mut self.guest.store;
        for (index, value) in &changes.globals {
            let export = instance.zip(base.globals.get(*index));
            let global = export.and_then(|(it, global)| it.get_module_export(&mut *store, global));
            if let Some(Extern::Global(global)) = global {
                global.set(&mut *store, (*value).into())?;
            }
        }
        let Some(memory) = store.data().memory else {
            return Ok(());
        };
        if changes.has_grown {
            let more = changes.memory_len.saturating_sub(memory.data_size(&*store));
            memory.grow(&mut *store, u64::try_from(more / WASM_PAGE)?)?;
        }
        if let Some(pages) = &mut self.guest.pages {
            pages.expect_writes();
        }
        let bytes = memory.data_mut(store);
        for run in &changes.runs {
            let place = bytes.get_mut(run.start..run.start + run.bytes.len());
            if let Some(place) = place {
                place.copy_from_slice(&run.bytes);
            }
        }
        Ok(())
    }

    /// Tells the guest that it is an instance now, if it wants to know.
    fn on_restore(&mut self) -> Result<(), Fault> {
        let Some(callback) = &self.exports.on_restore else {
            return Ok(());
        };
        let entry = Entry {
            callback: ON_RESTORE,
            context: VM_CONTEXT,
            ticks: self.guest.deadlines.stream,
        };
        self.guest.call(entry, callback, ())?;
        self.run_effects()
    }
}
