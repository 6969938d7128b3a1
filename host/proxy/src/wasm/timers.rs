//! Timers: the ticks of the plugins of a VM.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Weak;
use std::time::Duration;

use tokio::task::AbortHandle;
use tollgate_runtime::ContextId;

use super::vm::WorkerVm;
use crate::worker;

/// One timer for each root context that asked for one. Only those of plugins that serve run: a
/// plugin of a generation that is not served yet, or not any more, does not tick.
#[derive(Debug, Default)]
pub(super) struct Timers {
    timers: RefCell<HashMap<ContextId, Timer>>,
    serving: RefCell<HashSet<ContextId>>,
}

#[derive(Debug)]
struct Timer {
    period: Duration,
    running: Option<AbortHandle>,
}

impl Timers {
    /// Replaces the timer of a root. As in Envoy the next period begins when the tick is over, so
    /// a slow plugin ticks less often instead of falling behind.
    pub(super) fn set(&self, vm: Weak<WorkerVm>, root: ContextId, period: Option<Duration>) {
        let serves = self.serving.borrow().contains(&root);
        let new = period.map(|period| Timer {
            period,
            running: serves.then(|| run(vm, root, period)),
        });
        let mut timers = self.timers.borrow_mut();
        // May be the timer whose tick runs now: it then ends at its next wait.
        drop(match new {
            Some(new) => timers.insert(root, new),
            None => timers.remove(&root),
        });
    }

    /// Lets the timer of a root run, or holds it.
    pub(super) fn set_serving(&self, vm: &Weak<WorkerVm>, root: ContextId, serves: bool) {
        let changed = match serves {
            true => self.serving.borrow_mut().insert(root),
            false => self.serving.borrow_mut().remove(&root),
        };
        if !changed {
            return;
        }
        if let Some(timer) = self.timers.borrow_mut().get_mut(&root) {
            timer.stop();
            timer.running = serves.then(|| run(Weak::clone(vm), root, timer.period));
        }
    }

    /// Takes the place of those of a VM that has failed, in which the roots have the same ids.
    pub(super) fn succeed(&self, failed: &Self) {
        self.serving
            .borrow_mut()
            .clone_from(&failed.serving.borrow());
    }

    /// Stops all timers.
    pub(super) fn stop(&self) {
        self.timers.borrow_mut().clear();
    }
}

impl Timer {
    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(vm: Weak<WorkerVm>, root: ContextId, period: Duration) -> AbortHandle {
    worker::spawn(tick(vm, root, period)).abort_handle()
}

async fn tick(vm: Weak<WorkerVm>, root: ContextId, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        let Some(vm) = vm.upgrade() else { return };
        vm.tick(root);
    }
}
