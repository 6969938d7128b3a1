//! Metrics of native filters: the same name and kind is the same metric, on every worker.

use std::cell::RefCell;

use tollgate_abi::MetricType;

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) name: String,
    pub(crate) kind: MetricType,
    /// Value of a counter or gauge; how often a histogram recorded.
    pub(crate) value: u64,
    /// Sum of what a histogram recorded.
    pub(crate) sum: u64,
}

/// Metrics by their place in the list, which their ids hold.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    defined: RefCell<Vec<Reading>>,
}

impl Metrics {
    pub(crate) fn readings(&self) -> Vec<Reading> {
        self.defined.borrow().clone()
    }

    /// Returns an id; every definition has its own.
    pub(crate) fn define(&self, kind: MetricType, name: String) -> u32 {
        let mut defined = self.defined.borrow_mut();
        defined.push(Reading {
            name,
            kind,
            value: 0,
            sum: 0,
        });
        u32::try_from(defined.len() << 2).unwrap_or(u32::MAX) | kind.to_u32()
    }

    /// Changes the metric that an id means, which is the first of its name and kind.
    pub(crate) fn with<R>(&self, id: u32, look: impl FnOnce(&mut Reading) -> R) -> Option<R> {
        let place = usize::try_from(id >> 2).ok()?.checked_sub(1)?;
        let mut defined = self.defined.borrow_mut();
        let meant = defined.get(place)?;
        let (kind, name) = (meant.kind, meant.name.clone());
        defined
            .iter_mut()
            .find(|metric| metric.kind == kind && metric.name == name)
            .map(look)
    }
}
