//! `ConnectionState`: what the filters of a connection see and change, and what they ask for.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use bytes::BytesMut;
use smallvec::SmallVec;

use crate::filter::{Direction, StreamState};

/// One connection, shared by its filters, its chain and whoever drives the chain.
pub(crate) struct ConnectionState {
    /// Facts for access logs and properties, and what filters share by name.
    pub(crate) stream: Rc<StreamState>,
    downstream: RefCell<BytesMut>,
    upstream: RefCell<BytesMut>,
    resumes: RefCell<SmallVec<[usize; 2]>>,
    end: Cell<Option<End>>,
    waker: Cell<Option<Waker>>,
}

/// Why this proxy closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A plugin asked for it, or has failed.
    Plugin,
    /// Nothing has happened for too long.
    Idle,
    /// It has lived for as long as it may.
    MaxDuration,
    /// The configuration it is served by was replaced, and the time to finish is over.
    Expired,
}

impl ConnectionState {
    /// Returns the state of a connection that was accepted.
    pub(crate) fn new(stream: Rc<StreamState>) -> Rc<Self> {
        Rc::new(Self {
            stream,
            downstream: RefCell::default(),
            upstream: RefCell::default(),
            resumes: RefCell::default(),
            end: Cell::new(None),
            waker: Cell::new(None),
        })
    }

    /// Returns the data that waits for the filters: in a request's direction the client's.
    pub(crate) fn data(&self, direction: Direction) -> &RefCell<BytesMut> {
        match direction {
            Direction::Request => &self.downstream,
            Direction::Response => &self.upstream,
        }
    }

    /// Asks to go on behind the filter with this index.
    pub(crate) fn resume(&self, filter: usize) {
        let mut resumes = self.resumes.borrow_mut();
        // A filter that asks twice goes on once.
        if !resumes.contains(&filter) {
            resumes.push(filter);
        }
        drop(resumes);
        self.wake();
    }

    pub(super) fn take_resumes(&self) -> SmallVec<[usize; 2]> {
        self.resumes.take()
    }

    /// Asks to close the connection. The first reason stays.
    pub(crate) fn close(&self, reason: End) {
        if self.end.get().is_none() {
            self.end.set(Some(reason));
        }
        self.wake();
    }

    /// Returns why the connection is to be closed, if it is.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.get()
    }

    /// Has the driver woken when something is asked for.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let old = self.waker.take().filter(|old| old.will_wake(waker));
        self.waker.set(Some(old.unwrap_or_else(|| waker.clone())));
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionState")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
