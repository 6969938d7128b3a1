//! Snapshots of a VM: its state copied out, and instances made from it.

use std::rc::Rc;
use std::sync::Arc;

use super::exports::Exports;
use super::guest::Guest;
use super::{Vm, VmState, instance};
use crate::context::{RootContext, RootImage};
use crate::host::HostServices;
use crate::snapshot::{Base, Global, Image, Snapshot};
use crate::{ContextId, LoadError, SnapshotError};

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
        Ok(Image {
            module: self.module.clone(),
            roots: self.root_images()?,
            globals: self.globals(),
            memory: self.memory().to_vec(),
            common: Arc::clone(&self.guest.state().common),
            metrics: self.guest.state().metrics.clone(),
            gate: self.guest.state().gate.clone(),
        })
    }

    fn root_images(&self) -> Result<Vec<(ContextId, RootImage)>, SnapshotError> {
        let roots = self.guest.state().contexts.only_roots();
        let roots = roots.map_err(SnapshotError::HasStreams)?;
        Ok(roots
            .into_iter()
            .map(|(id, root)| (id, root.into()))
            .collect())
    }

    fn memory(&self) -> &[u8] {
        let memory = self.guest.state().memory;
        memory.map_or(&[], |memory| memory.data(&self.guest.store))
    }

    fn globals(&mut self) -> Vec<(String, Global)> {
        let names = self.module.mutable_globals();
        let store = &mut self.guest.store;
        let globals = names.iter().filter_map(|name| {
            let global = self.instance.get_global(&mut *store, name)?;
            Some((name.clone(), Global::of(&global.get(&mut *store))?))
        });
        globals.collect()
    }

    /// Makes an instance of a snapshot.
    pub(crate) fn restore(
        base: &Arc<Base>,
        services: Rc<dyn HostServices>,
    ) -> Result<Self, LoadError> {
        let image = &base.image;
        let module = &image.module;
        let mut state = VmState::of(
            module.abi_version(),
            Arc::clone(&image.common),
            image.metrics.clone(),
            image.gate.clone(),
            services,
        );
        state.has_tick = module.has_callback("proxy_on_tick");
        for (id, root) in &image.roots {
            state.contexts.restore(*id, RootContext::from(root));
        }
        let engine = base.linked.module().engine();
        let mut guest = Guest::new(engine, base.settings, state).map_err(instance::refused)?;
        let instance = base.linked.instantiate(&mut guest.store);
        let instance = instance.map_err(instance::refused)?;
        instance::find_memory(module, &mut guest, &instance);
        let exports = Exports::find(&mut guest.store, &instance);
        Ok(Self {
            guest,
            exports,
            module: module.clone(),
            instance,
        })
    }
}
