//! Faults: what a host can do to a filter, one at a time or all in a sweep.

mod inject;
mod sweep;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

pub(crate) use inject::Answer;
pub use inject::Inject;
pub use sweep::{Failure, Fault, Sweep, for_each_fault};

use crate::upstream::Kind;

/// The injections of one test, and how often each hostcall was made.
#[derive(Debug, Default)]
pub(crate) struct Injections {
    rules: RefCell<Vec<Inject>>,
    counts: RefCell<BTreeMap<&'static str, usize>>,
    /// How every callout ends, whatever its cluster answers.
    callout_fate: RefCell<Option<Kind>>,
    /// Every client leaves when its request is first paused.
    pub(crate) clients_leave: Cell<bool>,
}

impl Injections {
    pub(crate) fn add(&self, inject: Inject) {
        self.rules.borrow_mut().push(inject);
    }

    pub(crate) fn clear(&self) {
        self.rules.borrow_mut().clear();
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.counts.borrow().clone()
    }

    pub(crate) fn count(&self, hostcall: &str) -> usize {
        self.counts.borrow().get(hostcall).copied().unwrap_or(0)
    }

    pub(crate) fn set_callout_fate(&self, fate: Kind) {
        *self.callout_fate.borrow_mut() = Some(fate);
    }

    pub(crate) fn callout_fate(&self) -> Option<Kind> {
        self.callout_fate.borrow().clone()
    }

    /// Counts a hostcall and returns what it is to answer instead, if anything.
    pub(crate) fn answer(&self, hostcall: &'static str) -> Option<Answer> {
        let count = {
            let mut counts = self.counts.borrow_mut();
            let count = counts.entry(hostcall).or_default();
            *count += 1;
            *count
        };
        let rules = self.rules.borrow();
        let mut rules = rules.iter();
        rules
            .find(|rule| rule.applies_to(hostcall, count))
            .map(|rule| rule.answer.clone())
    }
}
