//! `SharedQueues`: queues by name within a VM id, and by token for every VM.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

/// What an item costs beside its bytes, so that empty items count too.
const ITEM_OVERHEAD: usize = 64;

/// Most plugins that a queue remembers, one for each worker and generation.
const MAX_NOTIFIERS: usize = 4096;

/// How much the queues of one VM id may hold. Beyond it nothing is dropped: the new item is
/// refused, because its sender can still decide what to do about it and nobody else could.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Most queues of a VM id.
    pub queues: usize,
    /// Most items of a queue.
    pub items: usize,
    /// Most bytes in all queues of a VM id, with 64 more for each item.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            queues: 10_000,
            items: 1_000_000,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// Takes the news of an item to the plugin that registered the queue last, on whatever thread
/// that plugin's VM lives. An embedder makes one in
/// [`HostServices::queue_notifier`](crate::HostServices::queue_notifier).
pub trait QueueNotifier: fmt::Debug + Send + Sync {
    /// Says that an item was added to the queue of this token. Called on the thread of the VM that
    /// added it, so it only posts; the embedder then calls
    /// [`Vm::on_queue_ready`](crate::Vm::on_queue_ready). A VM that is gone hears nothing.
    fn notify(&self, token: u32);

    /// Returns whether the plugin takes news now. While it does not, as one that has started but
    /// does not serve yet, they go to whoever registered the queue before it.
    fn takes_news(&self) -> bool {
        true
    }

    /// Returns whether the plugin is gone for good.
    fn is_gone(&self) -> bool {
        false
    }
}

/// Why an item was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnqueueError {
    /// No queue has the token.
    Unknown,
    /// The queue has as many items as it may have.
    TooManyItems(usize),
    /// The queues of the VM id hold as many bytes as they may hold.
    TooManyBytes(usize),
}

impl fmt::Display for EnqueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no queue has this token"),
            Self::TooManyItems(items) => write!(
                f,
                "the queue is full: it has {items} items, and nobody takes them out"
            ),
            Self::TooManyBytes(bytes) => write!(
                f,
                "the queues of this VM id are full: together they may hold {bytes} bytes"
            ),
        }
    }
}

impl Error for EnqueueError {}

/// Why no item was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DequeueError {
    /// No queue has the token.
    Unknown,
    /// The queue has no item.
    Empty,
}

impl fmt::Display for DequeueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no queue has this token",
            Self::Empty => "the queue is empty",
        })
    }
}

impl Error for DequeueError {}

/// All queues of a process: first in, first out; whoever knows the token may add and take.
#[derive(Debug, Default)]
pub struct SharedQueues {
    table: RwLock<Table>,
    limits: QueueLimits,
}

#[derive(Debug, Default)]
struct Table {
    names: HashMap<String, Names>,
    queues: HashMap<u32, Arc<Queue>>,
    last_token: u32,
}

/// The queues of one VM id.
#[derive(Debug, Default)]
struct Names {
    tokens: HashMap<Box<[u8]>, u32>,
    /// Bytes in all of them.
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Arc<AtomicUsize>,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    items: VecDeque<Bytes>,
    /// Of those who have registered, the last one last.
    notifiers: Vec<Arc<dyn QueueNotifier>>,
}

impl Content {
    /// Puts a notifier behind those that there are, once.
    fn add(&mut self, notifier: Option<Arc<dyn QueueNotifier>>) {
        let Some(new) = notifier else { return };
        let is_same = |known: &Arc<_>| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&new));
        self.notifiers
            .retain(|known| !known.is_gone() && !is_same(known));
        if self.notifiers.len() >= MAX_NOTIFIERS {
            self.notifiers.remove(0);
        }
        self.notifiers.push(new);
    }
}

impl SharedQueues {
    /// Returns no queues yet, with these limits per VM id.
    #[must_use]
    pub fn with_limits(limits: QueueLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Returns the token of a queue, made if it is new, and has `notifier`, if there is one, told of
    /// what is added from now on, instead of the one before. `None` when the VM id has too many
    /// queues.
    pub fn register(
        &self,
        vm_id: &str,
        name: &[u8],
        notifier: Option<Arc<dyn QueueNotifier>>,
    ) -> Option<u32> {
        let mut table = self.table.write();
        if let Some(token) = table.token(vm_id, name) {
            let mut content = table.queues.get(&token)?.content.lock();
            content.add(notifier);
            return Some(token);
        }
        let token = table.next_token();
        let names = table.names.entry(vm_id.to_owned()).or_default();
        if names.tokens.len() >= self.limits.queues {
            return None;
        }
        names.tokens.insert(name.into(), token);
        let queue = Queue {
            bytes: Arc::clone(&names.bytes),
            content: Mutex::new(Content {
                items: VecDeque::new(),
                notifiers: notifier.into_iter().collect(),
            }),
        };
        table.queues.insert(token, Arc::new(queue));
        Some(token)
    }

    /// Returns the token of a queue that is registered.
    pub fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.table.read().token(vm_id, name)
    }

    /// Adds an item behind the others, and has the notifier told.
    ///
    /// # Errors
    ///
    /// When there is no such queue, or when a limit is reached.
    pub fn enqueue(&self, token: u32, item: &[u8]) -> Result<(), EnqueueError> {
        let queue = self.find(token).ok_or(EnqueueError::Unknown)?;
        let mut content = queue.content.lock();
        if content.items.len() >= self.limits.items {
            return Err(EnqueueError::TooManyItems(self.limits.items));
        }
        let limit = self.limits.bytes;
        let added = |bytes: usize| {
            let sum = bytes.checked_add(cost(item))?;
            (sum <= limit).then_some(sum)
        };
        queue
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, added)
            .map_err(|_| EnqueueError::TooManyBytes(limit))?;
        content.items.push_back(Bytes::copy_from_slice(item));
        let mut notifiers = content.notifiers.iter().rev();
        let notifier = notifiers.find(|notifier| notifier.takes_news()).cloned();
        // A notifier is the embedder's and may look at queues itself.
        drop(content);
        if let Some(notifier) = notifier {
            notifier.notify(token);
        }
        Ok(())
    }

    /// Takes the first item out.
    ///
    /// # Errors
    ///
    /// When there is no such queue, or no item in it.
    pub fn dequeue(&self, token: u32) -> Result<Bytes, DequeueError> {
        let queue = self.find(token).ok_or(DequeueError::Unknown)?;
        let item = queue.content.lock().items.pop_front();
        let item = item.ok_or(DequeueError::Empty)?;
        queue.bytes.fetch_sub(cost(&item), Ordering::Relaxed);
        Ok(item)
    }

    /// Deletes all queues of a VM id with what is in them.
    pub fn remove_vm(&self, vm_id: &str) {
        let mut table = self.table.write();
        if let Some(names) = table.names.remove(vm_id) {
            for token in names.tokens.values() {
                table.queues.remove(token);
            }
        }
    }

    fn find(&self, token: u32) -> Option<Arc<Queue>> {
        self.table.read().queues.get(&token).map(Arc::clone)
    }
}

impl Table {
    fn token(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.names.get(vm_id)?.tokens.get(name).copied()
    }

    /// Tokens are never reused while their queue lives, and are never 0.
    fn next_token(&mut self) -> u32 {
        loop {
            self.last_token = self.last_token.wrapping_add(1).max(1);
            if !self.queues.contains_key(&self.last_token) {
                return self.last_token;
            }
        }
    }
}

const fn cost(item: &[u8]) -> usize {
    item.len().saturating_add(ITEM_OVERHEAD)
}
