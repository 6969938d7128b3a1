//! `ReplayVm`: a guest whose callbacks and answers come from a recording.

use std::rc::Rc;
use std::sync::Arc;

use wasmtime::{Func, Instance, Val, ValType};

use super::guest::{Entry, Guest};
use super::{VmState, WASM_PAGE, instance};
use crate::host::HostServices;
use crate::imports::{Import, Window};
use crate::module::CALLBACKS;
use crate::record::{Callback, Player};
use crate::snapshot::Global;
use crate::{ContextId, Fault, LoadError, Module, VmConfig};

/// Longest deadline that a recording can set: days, and no overflow of the clock.
const MAX_TICKS: u64 = 1 << 24;

/// A guest without plugins and streams: only what crosses its border counts.
pub(crate) struct ReplayVm {
    guest: Guest,
    instance: Instance,
}

/// What is in a guest between two callbacks, but for its tables.
pub(crate) struct SavedGuest {
    memory: Vec<u8>,
    globals: Vec<(String, Global)>,
}

/// Why a callback did not return.
pub(crate) enum ReplayEnd {
    /// The module has no such callback with such parameters.
    NoCallback(String),
    Fault(Box<Fault>),
}

impl ReplayVm {
    pub(crate) fn new(
        module: &Module,
        config: VmConfig,
        services: Rc<dyn HostServices>,
        player: Player,
        is_played: fn(&Import) -> bool,
    ) -> Result<Self, LoadError> {
        let mut state = VmState::new(module.abi_version(), config, Arc::default(), services);
        state.gate.watch(is_played);
        state.player = Some(Box::new(player));
        let (guest, instance) = instance::load(module, state)?;
        Ok(Self { guest, instance })
    }

    pub(crate) fn player_mut(&mut self) -> Option<&mut Player> {
        self.guest.state_mut().player.as_deref_mut()
    }

    /// Returns whether a fault has ended the guest.
    pub(crate) fn has_failed(&self) -> bool {
        self.guest.has_failed()
    }

    /// Returns how large the guest's memory is.
    pub(crate) fn memory_bytes(&self) -> usize {
        let memory = self.guest.state().memory;
        memory.map_or(0, |memory| memory.data_size(&self.guest.store))
    }

    /// Copies the guest's state.
    pub(crate) fn save(&mut self, module: &Module) -> SavedGuest {
        let memory = self.guest.state().memory;
        let memory = memory.map_or_else(Vec::new, |memory| memory.data(&self.guest.store).to_vec());
        let store = &mut self.guest.store;
        let globals = module.mutable_globals().iter().filter_map(|name| {
            let global = self.instance.get_global(&mut *store, name)?;
            Some((name.clone(), Global::of(&global.get(&mut *store))?))
        });
        SavedGuest {
            globals: globals.collect(),
            memory,
        }
    }

    /// Gives a new guest a state that was copied.
    pub(crate) fn load(&mut self, saved: &SavedGuest) -> Result<(), wasmtime::Error> {
        let store = &mut self.guest.store;
        for (name, value) in &saved.globals {
            if let Some(global) = self.instance.get_global(&mut *store, name) {
                global.set(&mut *store, (*value).into())?;
            }
        }
        let Some(memory) = store.data().memory else {
            return Ok(());
        };
        let more = saved.memory.len().saturating_sub(memory.data_size(&*store));
        memory.grow(&mut *store, u64::try_from(more / WASM_PAGE)?)?;
        memory.write(&mut *store, 0, &saved.memory)?;
        Ok(())
    }

    /// Makes a callback as it was made when it was recorded.
    pub(crate) fn call(&mut self, callback: &Callback) -> Result<(), ReplayEnd> {
        let Some((name, function, params)) = self.find(callback) else {
            return Err(ReplayEnd::NoCallback(callback.name.clone()));
        };
        let entry = Entry {
            callback: name,
            context: ContextId(callback.context),
            ticks: callback.ticks.min(MAX_TICKS),
        };
        let window = if callback.is_start {
            Window::Start
        } else {
            Window::Open
        };
        self.guest.state_mut().gate.enter(window);
        let results = function.ty(&self.guest.store).results().len();
        let mut results = vec![Val::I32(0); results];
        self.guest
            .enter(entry, |store| function.call(store, &params, &mut results))
            .map_err(|fault| ReplayEnd::Fault(Box::new(fault)))
    }

    fn find(&mut self, callback: &Callback) -> Option<(&'static str, Func, Vec<Val>)> {
        let known = CALLBACKS.iter().find(|known| known.name == callback.name)?;
        let function = self.instance.get_func(&mut self.guest.store, known.name)?;
        let ty = function.ty(&self.guest.store);
        let fits = ty.params().all(|param| matches!(param, ValType::I32))
            && ty.params().len() == callback.params.len();
        let params = callback.params.iter();
        let params = params.map(|param| Val::I32(param.cast_signed()));
        fits.then(|| (known.name, function, params.collect()))
    }
}
