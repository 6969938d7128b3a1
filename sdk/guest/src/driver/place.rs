//! Place: the context whose handler runs, and its plugin. What a handler starts belongs there.

use std::cell::Cell;

use crate::module_static::module_static;

/// A context and the root context above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) context: u32,
    pub(crate) root: u32,
}

/// Hosts have no context 0.
const NOWHERE: Place = Place {
    context: 0,
    root: 0,
};

module_static! {
    static HERE: Cell<Place> = Cell::new(NOWHERE);
}

impl Place {
    pub(super) const fn of_root(root: u32) -> Self {
        Self {
            context: root,
            root,
        }
    }

    /// The place of the handler that runs.
    pub(crate) fn here() -> Self {
        HERE.get()
    }

    /// Runs something in this place.
    pub(super) fn enter<R>(self, work: impl FnOnce() -> R) -> R {
        let before = HERE.replace(self);
        let result = work();
        HERE.set(before);
        result
    }
}

/// Whether no handler runs.
pub(super) fn is_at_rest() -> bool {
    HERE.get() == NOWHERE
}

/// Where a native VM is that is not running.
#[cfg(not(target_arch = "wasm32"))]
pub(super) struct Saved(Place);

#[cfg(not(target_arch = "wasm32"))]
impl Default for Saved {
    fn default() -> Self {
        Self(NOWHERE)
    }
}

/// Exchanges the thread's place with the saved one.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = HERE.replace(saved.0);
}
