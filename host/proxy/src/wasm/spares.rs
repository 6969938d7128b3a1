//! `Spares`: instances that wait for their next stream.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::vm::WorkerVm;

/// Most spares of one VM of one worker.
const MAX_SPARES: usize = 64;
/// Spares of all workers where there is no pool to share.
const WITHOUT_POOL: usize = 2048;

/// How many spares all workers may keep. They take places of the engine's pool from streams that
/// come to other plugins, so most of it is left to those.
#[derive(Debug)]
pub(super) struct SpareBudget(AtomicUsize);

impl SpareBudget {
    /// Returns the budget for a pool of so many instances.
    pub(super) fn of_pool(instances: Option<u32>) -> Self {
        let instances = instances.and_then(|count| usize::try_from(count).ok());
        Self(AtomicUsize::new(
            instances.map_or(WITHOUT_POOL, |count| count / 4),
        ))
    }

    fn take(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, less).is_ok()
    }

    fn give_back(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// The spares of one VM of one worker, rewound. The one that was used last, whose memory is in the
/// processor's caches, is used first.
pub(super) struct Spares {
    instances: RefCell<Vec<Rc<WorkerVm>>>,
    /// How many may be kept; grows up to the most streams at one time.
    room: Cell<usize>,
    budget: Arc<SpareBudget>,
}

impl Spares {
    pub(super) fn new(budget: Arc<SpareBudget>) -> Self {
        Self {
            instances: RefCell::default(),
            room: Cell::new(0),
            budget,
        }
    }

    /// Returns whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        let (count, room) = (self.instances.borrow().len(), self.room.get());
        if count < room {
            return true;
        }
        let grows = room < MAX_SPARES && self.budget.take();
        self.room.set(room + usize::from(grows));
        grows
    }

    pub(super) fn push(&self, instance: Rc<WorkerVm>) {
        self.instances.borrow_mut().push(instance);
    }

    pub(super) fn pop(&self) -> Option<Rc<WorkerVm>> {
        self.instances.borrow_mut().pop()
    }

    /// Drops all of them: what they are instances of is not current any more.
    pub(super) fn clear(&self) {
        let instances = self.instances.take();
        drop(instances);
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.budget.give_back(self.room.get());
    }
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares")
            .field("count", &self.instances.borrow().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{SpareBudget, Spares};

    #[test]
    fn workers_share_a_quarter_of_the_pool_and_give_it_back() {
        let budget = Arc::new(SpareBudget::of_pool(Some(11)));
        let (first, second) = (
            Spares::new(Arc::clone(&budget)),
            Spares::new(Arc::clone(&budget)),
        );
        let room = [&first, &second, &first].map(Spares::has_room);
        assert_eq!(room, [true, true, true], "nothing is kept yet");
        assert!(budget.0.load(std::sync::atomic::Ordering::Relaxed) == 0);
        drop(first);
        assert_eq!(budget.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
