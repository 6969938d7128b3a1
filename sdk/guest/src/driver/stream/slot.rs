//! Slot: the one future a context may have, and what happens to it when the host calls back.

use std::cell::Cell;
use std::task::{Context, Poll, Waker};

use crate::driver::RUNNING;
use crate::driver::root::Task;

/// A place for one future. While it is polled it is not in the slot, so whoever comes meanwhile
/// finds `Polling` and cannot touch it.
pub(in crate::driver) struct Slot<T> {
    state: Cell<Mark>,
    task: Cell<Option<Task<T>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Idle,
    Polling,
    /// Polling, and what it awaits has come meanwhile.
    PollingAgain,
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
    pub(in crate::driver) fn run_now<R>(&self, work: impl FnOnce() -> R) -> R {
        self.state.set(Mark::Polling);
        let result = work();
        self.state.set(Mark::Idle);
        result
    }

    /// Polls a new future for the first time.
    pub(in crate::driver) fn run(&self, context: u32, mut task: Task<T>) -> Poll<T> {
        let before = RUNNING.replace(context);
        let result = loop {
            self.state.set(Mark::Polling);
            let result = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if result.is_ready() || self.state.get() != Mark::PollingAgain {
                break result;
            }
        };
        RUNNING.set(before);
        let gone = self.state.get() == Mark::PollingLast;
        if result.is_pending() && !gone {
            self.state.set(Mark::Suspended);
            self.task.set(Some(task));
        } else {
            // The future is dropped while the slot still looks busy: its drop may call the host.
            drop(task);
            self.state.set(Mark::Idle);
        }
        result
    }

    /// Polls the suspended future again; `None` when there is none.
    pub(in crate::driver) fn resume(&self, context: u32) -> Option<Poll<T>> {
        if self.state.get() == Mark::Polling {
            self.state.set(Mark::PollingAgain);
            return None;
        }
        let task = self.take()?;
        Some(self.run(context, task))
    }

    /// Drops the suspended future, or has the one that runs dropped when it next waits.
    pub(in crate::driver) fn abandon(&self) {
        if let Some(task) = self.take() {
            drop(task);
        } else if !self.is_idle() {
            self.state.set(Mark::PollingLast);
        }
    }

    fn take(&self) -> Option<Task<T>> {
        let task = self.task.take()?;
        self.state.set(Mark::Idle);
        Some(task)
    }
}
