//! Timeouts: one clock hand per worker instead of a timer per request.
//!
//! A request has up to four deadlines, which almost never pass. Registering each with the runtime
//! would cost more than the rest of the bookkeeping; looking at all live streams fifty times a
//! second costs nothing measurable and is precise enough for timeouts of seconds.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::worker;

/// Time between two looks.
const TICK: Duration = Duration::from_millis(20);

/// Something with deadlines.
pub(crate) trait Expiring {
    /// Acts on deadlines that have passed.
    fn check(&self, now: Instant);
}

/// All things with deadlines on a worker.
#[derive(Default)]
pub(crate) struct Timeouts {
    slots: RefCell<Slots>,
    awake: Notify,
}

#[derive(Default)]
struct Slots {
    entries: Vec<Option<Weak<dyn Expiring>>>,
    free: Vec<usize>,
}

/// A place among the [`Timeouts`]; to be given back with [`Timeouts::remove`].
#[derive(Debug)]
pub(crate) struct Slot(usize);

impl Timeouts {
    /// Adds something; until it is removed or dropped it is looked at regularly.
    pub(crate) fn add(&self, entry: Weak<dyn Expiring>) -> Slot {
        let mut slots = self.slots.borrow_mut();
        if slots.free.len() == slots.entries.len() {
            self.awake.notify_one();
        }
        if let Some(index) = slots.free.pop()
            && let Some(slot) = slots.entries.get_mut(index)
        {
            *slot = Some(entry);
            return Slot(index);
        }
        slots.entries.push(Some(entry));
        Slot(slots.entries.len() - 1)
    }

    /// Removes an entry.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a slot is used up by its removal"
    )]
    pub(crate) fn remove(&self, slot: Slot) {
        let mut slots = self.slots.borrow_mut();
        if let Some(entry) = slots.entries.get_mut(slot.0) {
            *entry = None;
            slots.free.push(slot.0);
        }
    }

    /// Looks at everything once.
    pub(crate) fn check_all(&self, now: Instant) {
        let count = self.slots.borrow().entries.len();
        for index in 0..count {
            // Nothing is borrowed during the check: it may add and remove entries.
            let entry = self.slots.borrow().entries.get(index).cloned().flatten();
            if let Some(entry) = entry.and_then(|entry| entry.upgrade()) {
                entry.check(now);
            }
        }
    }

    /// Starts the clock hand as a task of this worker. It rests while there are no entries.
    pub(crate) fn start(self: &Rc<Self>) {
        worker::spawn(Rc::clone(self).run());
    }

    async fn run(self: Rc<Self>) {
        loop {
            if self.is_empty() {
                self.awake.notified().await;
            }
            tokio::time::sleep(TICK).await;
            self.check_all(Instant::now());
        }
    }

    fn is_empty(&self) -> bool {
        let slots = self.slots.borrow();
        slots.free.len() == slots.entries.len()
    }
}

impl fmt::Debug for Timeouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.borrow();
        f.debug_struct("Timeouts")
            .field("entries", &slots.entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::{Rc, Weak};
    use std::time::Instant;

    use super::{Expiring, Timeouts};

    #[derive(Default)]
    struct Counter(Cell<u32>);

    impl Expiring for Counter {
        fn check(&self, _now: Instant) {
            self.0.set(self.0.get() + 1);
        }
    }

    fn weak(counter: &Rc<Counter>) -> Weak<dyn Expiring> {
        let weak: Weak<Counter> = Rc::downgrade(counter);
        weak
    }

    #[test]
    fn what_was_added_is_checked_until_it_is_removed() {
        let (timeouts, counter) = (Timeouts::default(), Rc::new(Counter::default()));
        let slot = timeouts.add(weak(&counter));
        timeouts.check_all(Instant::now());
        timeouts.remove(slot);
        timeouts.check_all(Instant::now());
        assert_eq!(counter.0.get(), 1);
    }

    #[test]
    fn a_free_place_is_used_again() {
        let (timeouts, counter) = (Timeouts::default(), Rc::new(Counter::default()));
        for _ in 0..3 {
            let slot = timeouts.add(weak(&counter));
            timeouts.remove(slot);
        }
        assert_eq!(timeouts.slots.borrow().entries.len(), 1);
    }

    #[test]
    fn what_was_dropped_is_not_checked() {
        let (timeouts, counter) = (Timeouts::default(), Rc::new(Counter::default()));
        let _slot = timeouts.add(weak(&counter));
        drop(counter);
        timeouts.check_all(Instant::now());
    }
}
