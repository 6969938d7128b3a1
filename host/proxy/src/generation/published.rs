//! `Published`: the generation that a worker serves.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::Serving;
use crate::listener::{Listener, ListenerKey};

/// What a worker serves now. Whoever starts a stream or accepts a connection looks here.
#[derive(Default)]
pub(crate) struct Published {
    serving: RefCell<Option<Rc<Serving>>>,
    id: Cell<u64>,
}

impl Published {
    /// Serves another generation from now on; returns the one before.
    pub(crate) fn set(&self, serving: &Rc<Serving>) -> Option<Rc<Serving>> {
        self.id.set(serving.id().number());
        self.serving.replace(Some(Rc::clone(serving)))
    }

    /// Returns what is served, once anything is.
    pub(crate) fn get(&self) -> Option<Rc<Serving>> {
        self.serving.borrow().clone()
    }

    /// Returns the number of the generation that is served.
    pub(crate) fn id(&self) -> u64 {
        self.id.get()
    }

    /// Returns a listener of the generation that is served.
    pub(crate) fn listener(&self, key: &ListenerKey) -> Option<Rc<Listener>> {
        self.serving.borrow().as_ref()?.listener(key).cloned()
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
