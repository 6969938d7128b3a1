//! `NetworkChain`: the filters of one connection, run over its data. Nothing here waits.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use bytes::BytesMut;

use super::{ConnectionState, NetworkAction, NetworkFilter, PeerType};
use crate::filter::Direction;

/// The filters of one connection. Dropping it tells them that the connection is closed.
pub(crate) struct NetworkChain {
    filters: Vec<Box<dyn NetworkFilter>>,
    state: Rc<ConnectionState>,
    /// How many filters know of the connection.
    met: Cell<usize>,
    read_ended: Cell<bool>,
    end_passed: Cell<bool>,
    closed: Cell<bool>,
}

impl NetworkChain {
    /// Returns a chain; without filters everything passes.
    pub(crate) fn new(filters: Vec<Box<dyn NetworkFilter>>, state: Rc<ConnectionState>) -> Self {
        Self {
            filters,
            state,
            met: Cell::new(0),
            read_ended: Cell::new(false),
            end_passed: Cell::new(false),
            closed: Cell::new(false),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    pub(crate) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }

    /// Tells the filters of the connection. Returns whether all let it pass.
    pub(crate) fn start(&self) -> bool {
        self.run(0)
    }

    /// Offers the client's data to all filters. Returns whether all let it pass.
    pub(crate) fn downstream_arrived(&self, ended: bool) -> bool {
        self.read_ended.set(self.read_ended.get() || ended);
        self.run(0)
    }

    /// Goes on behind filters that have asked for it. Returns whether what they held has passed.
    pub(crate) fn run_resumes(&self) -> bool {
        let mut passed = false;
        for filter in self.state.take_resumes() {
            passed |= self.run(filter + 1);
        }
        passed
    }

    /// Offers the upstream's data to the filters, the last one first. Returns whether all let it
    /// pass.
    pub(crate) fn upstream_arrived(&self, ended: bool) -> bool {
        for filter in self.filters.iter().take(self.met.get()).rev() {
            if filter.on_data(Direction::Response, ended) != NetworkAction::Continue
                || self.state.end().is_some()
            {
                return false;
            }
        }
        self.state.end().is_none()
    }

    /// Takes what has passed.
    pub(crate) fn take(&self, direction: Direction) -> BytesMut {
        self.state.data(direction).take()
    }

    /// Returns whether the client has ended its data.
    pub(crate) fn read_ended(&self) -> bool {
        self.read_ended.get()
    }

    /// Returns whether that end has passed the filters.
    pub(crate) fn end_passed(&self) -> bool {
        self.end_passed.get()
    }

    /// Tells the filters who closed the client's connection.
    pub(crate) fn close(&self, by: PeerType) {
        if !self.closed.replace(true) {
            self.filters.iter().for_each(|filter| filter.on_close(by));
        }
    }

    fn run(&self, first: usize) -> bool {
        let mut filters = self.filters.iter().enumerate().skip(first);
        let passed = self.state.end().is_none()
            && filters.all(|(index, filter)| self.offer(index, filter.as_ref()));
        if passed {
            self.end_passed.set(self.read_ended.get());
        }
        passed
    }

    /// Offers the connection, if it is new to it, and the client's data to one filter. Returns
    /// whether it lets them pass.
    fn offer(&self, index: usize, filter: &dyn NetworkFilter) -> bool {
        let passes = |action| action == NetworkAction::Continue && self.state.end().is_none();
        if self.met.get() <= index {
            self.met.set(index + 1);
            if !passes(filter.on_new_connection()) {
                return false;
            }
        }
        let has_data = !self.state.data(Direction::Request).borrow().is_empty();
        let ended = self.read_ended.get() && !self.end_passed.get();
        !(has_data || ended) || passes(filter.on_data(Direction::Request, ended))
    }
}

impl Drop for NetworkChain {
    fn drop(&mut self) {
        self.close(PeerType::Local);
    }
}

impl fmt::Debug for NetworkChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkChain")
            .field("filters", &self.filters.len())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
