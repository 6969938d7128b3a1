//! Streams: how many a generation serves, counted by each worker for itself.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::Generation;

/// One worker's streams, alone on their cache line. Only that worker writes, so nothing is locked.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct StreamCount {
    active: AtomicU64,
    started: AtomicU64,
}

/// The streams and connections of one generation on one worker. They keep the generation alive.
pub(crate) struct WorkerStreams {
    generation: Arc<Generation>,
    count: Arc<StreamCount>,
    expired: Cell<bool>,
    all_ended: Notify,
}

impl StreamCount {
    /// Returns how many there are.
    pub(super) fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// Returns how many there ever were.
    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }
}

impl WorkerStreams {
    /// Returns a count for the worker that calls this.
    pub(crate) fn new(generation: &Arc<Generation>) -> Rc<Self> {
        Rc::new(Self {
            count: generation.count_of_worker(),
            generation: Arc::clone(generation),
            expired: Cell::new(false),
            all_ended: Notify::new(),
        })
    }

    /// A stream or connection starts.
    pub(crate) fn started(&self) {
        let (active, started) = (self.count.active(), self.count.started());
        self.count.active.store(active + 1, Ordering::Relaxed);
        self.count.started.store(started + 1, Ordering::Relaxed);
    }

    /// One is over.
    pub(crate) fn ended(&self) {
        let left = self.count.active().saturating_sub(1);
        self.count.active.store(left, Ordering::Relaxed);
        if left == 0 {
            self.all_ended.notify_one();
        }
    }

    /// Returns how many there are.
    pub(crate) fn active(&self) -> u64 {
        self.count.active()
    }

    /// Returns whether what is left must end: the generation's time is up.
    pub(crate) fn are_expired(&self) -> bool {
        self.expired.get()
    }

    /// Lets what is left end at the next look at deadlines.
    pub(crate) fn expire(&self) {
        self.expired.set(true);
    }

    /// Waits until there are none.
    pub(crate) async fn ended_all(&self) {
        while self.count.active() > 0 {
            self.all_ended.notified().await;
        }
    }
}

/// Something that counts as a stream until it is dropped.
#[derive(Debug)]
pub(crate) struct CountedStream(Rc<WorkerStreams>);

impl CountedStream {
    /// Counts.
    pub(crate) fn new(streams: &Rc<WorkerStreams>) -> Self {
        streams.started();
        Self(Rc::clone(streams))
    }
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl fmt::Debug for WorkerStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerStreams")
            .field("generation", &self.generation.id())
            .field("active", &self.count.active())
            .finish_non_exhaustive()
    }
}
