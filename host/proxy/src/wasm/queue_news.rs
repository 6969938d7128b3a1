//! `QueueNews`: news of shared queues on their way from any worker to the VM that wants them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Weak;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;
use tollgate_runtime::{ContextId, QueueNotifier};

use super::vm::WorkerVm;
use crate::worker;

/// Most news that wait for one VM. A plugin that has so many before it has items to take for each
/// of them, so what comes on top is not told; the items stay in their queues.
const MAX_WAITING: usize = 100_000;

/// The news of one VM. Its task starts with the first queue that a plugin registers.
#[derive(Debug, Default)]
pub(super) struct QueueNews {
    delivery: OnceCell<Delivery>,
    /// The roots that were heard of, and whether each serves.
    serving: RefCell<HashMap<ContextId, Arc<AtomicBool>>>,
    notifiers: RefCell<HashMap<ContextId, Arc<RootNotifier>>>,
}

#[derive(Debug)]
struct Delivery {
    sender: Sender<(ContextId, u32)>,
    is_overfull: Arc<AtomicBool>,
    task: AbortHandle,
}

impl QueueNews {
    /// Returns what tells this root of its queues.
    pub(super) fn notifier(&self, vm: Weak<WorkerVm>, root: ContextId) -> Arc<dyn QueueNotifier> {
        let delivery = self.delivery.get_or_init(|| {
            let (sender, receiver) = channel(MAX_WAITING);
            Delivery {
                sender,
                is_overfull: Arc::default(),
                task: worker::spawn(deliver(vm, receiver)).abort_handle(),
            }
        });
        let mut notifiers = self.notifiers.borrow_mut();
        // The same one again, so that a queue knows it.
        let notifier = notifiers.entry(root).or_insert_with(|| {
            Arc::new(RootNotifier {
                root,
                sender: delivery.sender.clone(),
                is_overfull: Arc::clone(&delivery.is_overfull),
                serves: self.flag(root),
            })
        });
        Arc::<RootNotifier>::clone(notifier)
    }

    /// Says whether a root serves: only then it takes news.
    pub(super) fn set_serving(&self, root: ContextId, serves: bool) {
        self.flag(root).store(serves, Ordering::Relaxed);
    }

    /// Takes the place of those of a VM that has failed: its roots have the same numbers.
    pub(super) fn succeed(&self, failed: &Self) {
        for (root, serves) in failed.serving.borrow().iter() {
            self.set_serving(*root, serves.load(Ordering::Relaxed));
        }
    }

    fn flag(&self, root: ContextId) -> Arc<AtomicBool> {
        Arc::clone(self.serving.borrow_mut().entry(root).or_default())
    }
}

impl Drop for QueueNews {
    fn drop(&mut self) {
        // The queues, which may live longer, hold senders still.
        if let Some(delivery) = self.delivery.get() {
            delivery.task.abort();
        }
    }
}

async fn deliver(vm: Weak<WorkerVm>, mut news: Receiver<(ContextId, u32)>) {
    // Receiving yields to the worker's streams now and then, however much there is.
    while let Some((root, token)) = news.recv().await {
        let Some(vm) = vm.upgrade() else { return };
        vm.queue_ready(root, token);
    }
}

#[derive(Debug)]
struct RootNotifier {
    root: ContextId,
    sender: Sender<(ContextId, u32)>,
    is_overfull: Arc<AtomicBool>,
    serves: Arc<AtomicBool>,
}

impl QueueNotifier for RootNotifier {
    fn takes_news(&self) -> bool {
        self.serves.load(Ordering::Relaxed) && !self.is_gone()
    }

    fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    fn notify(&self, token: u32) {
        match self.sender.try_send((self.root, token)) {
            Ok(()) => self.is_overfull.store(false, Ordering::Relaxed),
            Err(TrySendError::Full(_)) => {
                if !self.is_overfull.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        target: "wasm",
                        token,
                        limit = MAX_WAITING,
                        "a plugin is not told of new items in its queue until it keeps up",
                    );
                }
            }
            // The VM is gone; the items wait for the next one.
            Err(TrySendError::Closed(_)) => {}
        }
    }
}
