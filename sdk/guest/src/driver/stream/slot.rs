//! Slot: the one future a stream may have, and what happens to it when the host calls back.

use std::cell::Cell;
use std::future::Future;
use std::task::{Context, Poll, Waker};

use crate::driver::tasks::Task;
use crate::driver::{Place, resume, wake};

/// A place for one future. While it is polled it is not in the slot, so whoever comes meanwhile
/// finds `Polling` and cannot touch it.
pub(in crate::driver) struct Slot<T> {
    state: Cell<Mark>,
    task: Cell<Option<(Task<T>, Waker)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Idle,
    Polling,
    /// Polling, and the context is gone.
    PollingLast,
    Suspended,
}

impl<T> Slot<T> {
    pub(in crate::driver) const fn new() -> Self {
        Self {
            state: Cell::new(Mark::Idle),
            task: Cell::new(None),
        }
    }

    pub(in crate::driver) fn is_idle(&self) -> bool {
        self.state.get() == Mark::Idle
    }

    pub(in crate::driver) fn is_suspended(&self) -> bool {
        self.state.get() == Mark::Suspended
    }

    /// Runs something that cannot wait, with the slot marked as busy.
    pub(in crate::driver) fn run_now<R>(&self, place: Place, work: impl FnOnce() -> R) -> R {
        self.state.set(Mark::Polling);
        let result = place.enter(work);
        self.state.set(Mark::Idle);
        result
    }

    /// Polls a new future. One that does not wait costs no waker.
    pub(in crate::driver) fn run(
        &self,
        place: Place,
        work: impl Future<Output = T> + 'static,
    ) -> Poll<T>
    where
        T: 'static,
    {
        let mut task = Box::pin(work);
        self.state.set(Mark::Polling);
        let polled = place.enter(|| task.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        if polled.is_pending() && self.state.get() == Mark::Polling {
            // What it awaits is told anew whom to wake.
            return self.poll(place, task, wake::waker(place.context, resume));
        }
        // The future is dropped while the slot still looks busy: its drop may call the host.
        drop(task);
        self.state.set(Mark::Idle);
        polled
    }

    fn poll(&self, place: Place, mut task: Task<T>, waker: Waker) -> Poll<T> {
        let result = loop {
            self.state.set(Mark::Polling);
            let result = place.enter(|| task.as_mut().poll(&mut Context::from_waker(&waker)));
            let again = self.state.get() == Mark::Polling && wake::take(place.context);
            if result.is_ready() || !again {
                break result;
            }
        };
        if result.is_pending() && self.state.get() == Mark::Polling {
            self.state.set(Mark::Suspended);
            self.task.set(Some((task, waker)));
        } else {
            drop(task);
            self.state.set(Mark::Idle);
        }
        result
    }

    /// Polls the suspended future again; `None` when there is none.
    pub(in crate::driver) fn resume(&self, place: Place) -> Option<Poll<T>> {
        let (task, waker) = self.take()?;
        Some(self.poll(place, task, waker))
    }

    /// Drops the suspended future, or has the one that runs dropped when it next waits.
    pub(in crate::driver) fn abandon(&self) {
        if let Some(task) = self.take() {
            drop(task);
        } else if !self.is_idle() {
            self.state.set(Mark::PollingLast);
        }
    }

    fn take(&self) -> Option<(Task<T>, Waker)> {
        let task = self.task.take()?;
        self.state.set(Mark::Idle);
        Some(task)
    }
}
