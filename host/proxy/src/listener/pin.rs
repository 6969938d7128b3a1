//! `ChainPin`: the filter chain of a connection, as the generation that is served has it.

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::rc::Rc;

use super::ListenerKey;
use super::filter_chain::{Chain, Terminal};
use crate::generation::{CountedStream, Published};
use crate::http::Manager;

/// What a connection goes by when a stream starts. The stream then keeps what it was given.
pub(crate) struct ChainPin {
    published: Rc<Published>,
    key: ListenerKey,
    chain: RefCell<Rc<Chain>>,
    manager: RefCell<Rc<Manager>>,
    /// The generation that was looked at last.
    seen: Cell<u64>,
    /// The chain is gone or has become another one: the connection is what is left of its
    /// generation.
    retired: RefCell<Option<CountedStream>>,
}

impl ChainPin {
    /// Returns the pin of a connection that the chain of a generation serves.
    pub(super) fn new(
        published: &Rc<Published>,
        key: &ListenerKey,
        generation: u64,
        chain: &Rc<Chain>,
        manager: &Rc<Manager>,
    ) -> Self {
        Self {
            published: Rc::clone(published),
            key: key.clone(),
            chain: RefCell::new(Rc::clone(chain)),
            manager: RefCell::new(Rc::clone(manager)),
            seen: Cell::new(generation),
            retired: RefCell::default(),
        }
    }

    /// Goes over to the generation that is served, or counts as what is left of an older one.
    pub(crate) fn follow_now(&self) {
        drop(self.manager());
    }

    /// Returns the manager for the next stream.
    pub(crate) fn manager(&self) -> Ref<'_, Rc<Manager>> {
        let current = self.published.id();
        if self.seen.get() != current {
            self.follow(current);
        }
        self.manager.borrow()
    }

    /// Returns whether the connection is to end: its chain is gone or has become another one.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.borrow().is_some()
    }

    /// Goes over to the generation that is served, if its listener still has this chain.
    fn follow(&self, current: u64) {
        self.seen.set(current);
        let found = self.published.listener(&self.key);
        let found = found.and_then(|listener| listener.same_chain(&self.chain.borrow()));
        match found.as_ref().map(|chain| (chain, &chain.service.terminal)) {
            Some((chain, Terminal::Http(manager))) => {
                self.manager.replace(Rc::clone(manager));
                self.chain.replace(Rc::clone(chain));
                self.retired.take();
            }
            Some((_, Terminal::Tcp(_))) | None if !self.is_retired() => {
                let manager = self.manager.borrow();
                let counted = CountedStream::new(manager.streams());
                self.retired.replace(Some(counted));
            }
            Some((_, Terminal::Tcp(_))) | None => {}
        }
    }
}

impl fmt::Debug for ChainPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainPin")
            .field("key", &self.key)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}
