//! Timers: the ticks of the plugins of a VM.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;
use std::time::Duration;

use tokio::task::AbortHandle;
use tollgate_runtime::ContextId;

use super::vm::WorkerVm;
use crate::worker;

/// One timer for each root context that asked for one.
#[derive(Debug, Default)]
pub(super) struct Timers {
    running: RefCell<HashMap<ContextId, AbortHandle>>,
}

impl Timers {
    /// Replaces the timer of a root. As in Envoy the next period begins when the tick is over, so
    /// a slow plugin ticks less often instead of falling behind.
    pub(super) fn set(&self, vm: Weak<WorkerVm>, root: ContextId, period: Option<Duration>) {
        let new = period.map(|period| worker::spawn(tick(vm, root, period)).abort_handle());
        let mut running = self.running.borrow_mut();
        let old = match new {
            Some(new) => running.insert(root, new),
            None => running.remove(&root),
        };
        // May be the timer whose tick runs now: it then ends at its next wait.
        if let Some(old) = old {
            old.abort();
        }
    }

    /// Stops all timers.
    pub(super) fn stop(&self) {
        for (_, timer) in self.running.borrow_mut().drain() {
            timer.abort();
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn tick(vm: Weak<WorkerVm>, root: ContextId, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        let Some(vm) = vm.upgrade() else { return };
        vm.tick(root);
    }
}
