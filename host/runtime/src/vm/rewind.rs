//! Rewinding: an instance whose streams have ended becomes what it was at first.
//!
//! It costs a few pages instead of an instance. What a guest can change is its memory and its
//! globals, for a module that changes anything else has no snapshots; what the host keeps for it
//! is `VmState`, field by field.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Extern, Global, Instance, Store};

use super::guest::Guest;
use super::state::VM_CONTEXT;
use super::{Vm, VmState};
use crate::SnapshotReport;
use crate::snapshot::{Base, Image};

/// What an instance was at first.
pub(crate) struct Beginning {
    base: Arc<Base>,
    /// The mutable globals, in the order of the image's.
    globals: Vec<Global>,
}

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").finish_non_exhaustive()
    }
}

impl Beginning {
    /// Remembers the beginning of a new instance.
    pub(super) fn of(base: &Arc<Base>, instance: Instance, store: &mut Store<VmState>) -> Self {
        let exports = base.globals.iter();
        let globals = exports.filter_map(|global| {
            let export = instance.get_module_export(&mut *store, global);
            export.and_then(Extern::into_global)
        });
        Self {
            base: Arc::clone(base),
            globals: globals.collect(),
        }
    }

    pub(super) const fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// Writes memory and globals back; `None` when that is not possible.
    fn rewind(&self, guest: &mut Guest) -> Option<()> {
        let image = &self.base.image;
        let Guest { store, pages, .. } = guest;
        let memory = store.data().memory?.data_mut(&mut *store);
        if memory.len() != image.memory.len() {
            return None;
        }
        let map = image.module.engine().page_map()?;
        for pages in pages.as_mut()?.find(map, memory)? {
            copy(pages, &image.memory, memory)?;
        }
        if self.globals.len() != image.globals.len() {
            return None;
        }
        for (global, (_, value)) in self.globals.iter().zip(&image.globals) {
            global.set(&mut *store, (*value).into()).ok()?;
        }
        Some(())
    }
}

fn copy(pages: &Range<usize>, from: &[u8], to: &mut [u8]) -> Option<()> {
    let place = to.get_mut(pages.clone())?;
    place.copy_from_slice(from.get(pages.clone())?);
    Some(())
}

impl Vm {
    /// Brings an instance of a snapshot whose streams have ended to where the compiled snapshot
    /// begins, so that nothing of them is left, neither in the guest nor of it. Returns whether
    /// that has worked; if not, the instance is of no more use.
    ///
    /// It does not work after a fault, while a stream or a callout is there, when the guest has
    /// grown its memory or written to a great part of it, with an interceptor, and where the system
    /// does not tell which pages were written
    /// ([`Capabilities::pagemap_scan`](crate::Capabilities::pagemap_scan)). Answers to what the
    /// streams have asked for, lookups of names included, must not reach the instance any more.
    ///
    /// [`Snapshot::begin_again`](crate::Snapshot::begin_again) makes it ready for the next stream.
    pub fn rewind(&mut self) -> bool {
        let state = self.guest.state();
        let is_at_rest = !self.guest.has_failed()
            && state.in_flight.count() == 0
            && state.contexts.is_at_rest()
            && state.interceptor.is_none();
        let Some(beginning) = self.beginning.as_ref().filter(|_| is_at_rest) else {
            return false;
        };
        self.guest.state_mut().rewind(&beginning.base.image);
        self.guest.refuel();
        beginning.rewind(&mut self.guest).is_some()
    }

    /// Returns the compiled image that this is an instance of.
    pub(crate) fn base(&self) -> Option<&Arc<Base>> {
        self.beginning.as_ref().map(Beginning::base)
    }
}

impl VmState {
    /// Forgets what has happened. All fields are named, so that a new one is not passed over.
    fn rewind(&mut self, image: &Image) {
        let Self {
            // They belong to the instance, and the guest cannot change them.
            abi: _,
            common: _,
            services: _,
            instance: _,
            memory: _,
            memory_export: _,
            allocator: _,
            offers_results: _,
            has_tick: _,
            // `Vm::begin` sets them.
            metrics: _,
            recorder: _,
            // None is there.
            in_flight: _,
            interceptor: _,
            contexts,
            current,
            effective,
            gate,
            effects,
            has_replied,
            limiter,
            history,
            is_starting,
            start_reads,
            player,
            closes_refused_grpc,
            name,
            value,
        } = self;
        contexts.clear();
        *current = VM_CONTEXT;
        *effective = VM_CONTEXT;
        gate.clone_from(&image.gate);
        effects.clear();
        *has_replied = false;
        limiter.refused = None;
        history.clear();
        *is_starting = false;
        *start_reads = SnapshotReport::default();
        *player = None;
        *closes_refused_grpc = false;
        name.clear();
        value.clear();
    }
}
