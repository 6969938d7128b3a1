//! In which turns a thread has had faults.
//!
//! A turn ends whenever somebody asks for the thread's faults, and then the count shows whether it
//! had any. Most are none of a guest: a memory that was not written in that turn is not concerned.

use std::cell::Cell;

/// How many turns with faults are remembered. What was written longer ago counts as one of them.
const REMEMBERED: usize = 16;

struct Turns {
    /// Counted from 1; the ones before are unknown.
    current: Cell<u64>,
    /// How many faults the thread had had when the current turn began.
    faults: Cell<Option<u64>>,
    /// The last turns with faults, in a ring.
    faulty: [Cell<u64>; REMEMBERED],
    /// The last turn with faults of all.
    newest: Cell<u64>,
    /// The last turn with faults that is forgotten.
    forgotten: Cell<u64>,
    next: Cell<usize>,
}

thread_local! {
    static TURNS: Turns = const {
        Turns {
            current: Cell::new(1),
            faults: Cell::new(None),
            faulty: [const { Cell::new(0) }; REMEMBERED],
            newest: Cell::new(0),
            forgotten: Cell::new(0),
            next: Cell::new(0),
        }
    };
}

/// Returns the turn that lasts.
pub(super) fn current() -> u64 {
    TURNS.with(|turns| turns.current.get())
}

/// Ends the turn; `faults` is how many the thread has had up to now, if that is known.
pub(super) fn end(faults: Option<u64>) {
    TURNS.with(|turns| turns.end(faults));
}

/// Returns whether the thread had faults in a turn that has ended, or may have had some.
pub(super) fn has_had_faults(turn: u64) -> bool {
    TURNS.with(|turns| turns.has_had_faults(turn))
}

impl Turns {
    fn end(&self, faults: Option<u64>) {
        let turn = self.current.get();
        let before = self.faults.replace(faults);
        if faults.is_none() || faults != before {
            self.remember(turn);
        }
        self.current.set(turn + 1);
    }

    #[cold]
    fn remember(&self, turn: u64) {
        let next = self.next.get();
        if let Some(place) = self.faulty.get(next) {
            self.forgotten.set(place.replace(turn));
        }
        self.newest.set(turn);
        self.next.set((next + 1) % REMEMBERED);
    }

    fn has_had_faults(&self, turn: u64) -> bool {
        // Faults are rare, and so is a look at the ring.
        if turn > self.newest.get() {
            return false;
        }
        let mut faulty = self.faulty.iter();
        turn <= self.forgotten.get() || faulty.any(|faulty| faulty.get() == turn)
    }
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, current, end, has_had_faults};

    /// Lets a turn pass and returns it.
    fn turn(faults: Option<u64>) -> u64 {
        let turn = current();
        end(faults);
        turn
    }

    #[test]
    fn a_turn_is_told_by_the_count_at_its_end() {
        let first = turn(Some(5));
        assert!(has_had_faults(first), "nothing is known of its beginning");
        let turns = [Some(5), Some(6), Some(6), None, None, Some(6), Some(6)].map(turn);
        let had = turns.map(has_had_faults);
        assert_eq!(had, [false, true, false, true, true, true, false]);
    }

    #[test]
    fn what_is_forgotten_counts_as_faulty() {
        assert!(has_had_faults(0), "a memory of which nothing is known");
        turn(Some(0));
        let quiet = turn(Some(0));
        for faults in 1..=REMEMBERED as u64 {
            assert!(!has_had_faults(quiet), "{faults}");
            assert!(has_had_faults(turn(Some(faults))));
        }
        turn(Some(0));
        assert!(has_had_faults(quiet));
        assert!(!has_had_faults(turn(Some(0))));
    }
}
