//! `Breaker`: leaves a plugin alone for a while when too many of its streams end in faults.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tollgate_config::BreakerSettings;

/// How finely the window moves on.
const SLOTS: u32 = 10;

/// The breaker of one plugin on one worker.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    state: Cell<State>,
    window: RefCell<Window>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// One stream tries. If nothing is heard of it until then, another does.
    Trying {
        until: Instant,
    },
}

/// What has happened lately, in slots of equal length.
#[derive(Debug, Default)]
struct Window {
    current: Slot,
    ends: Option<Instant>,
    past: VecDeque<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    streams: usize,
    faults: usize,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: Cell::new(State::Closed),
            window: RefCell::default(),
        }
    }

    /// Returns whether a stream may enter the plugin.
    pub(super) fn admits(&self, now: Instant) -> bool {
        if self.settings.faults == 0 {
            return true;
        }
        match self.state.get() {
            State::Closed => {
                let mut window = self.window.borrow_mut();
                window.slot(now, self.settings.window).streams += 1;
                true
            }
            State::Open { until } | State::Trying { until } if now >= until => {
                let until = now + self.settings.open_for;
                self.state.set(State::Trying { until });
                true
            }
            State::Open { .. } | State::Trying { .. } => false,
        }
    }

    /// Counts a fault. Returns whether the breaker is open from now on and was not before.
    pub(super) fn count_fault(&self, now: Instant) -> bool {
        if self.settings.faults == 0 {
            return false;
        }
        let until = now + self.settings.open_for;
        match self.state.get() {
            State::Closed => {
                let mut window = self.window.borrow_mut();
                window.slot(now, self.settings.window).faults += 1;
                let is_too_much = window.total().is_too_much(&self.settings);
                if is_too_much {
                    self.state.set(State::Open { until });
                }
                is_too_much
            }
            State::Trying { .. } => {
                self.state.set(State::Open { until });
                false
            }
            State::Open { .. } => false,
        }
    }

    /// A stream has ended without a fault. Returns whether the breaker is closed from now on and
    /// was not before.
    pub(super) fn count_success(&self) -> bool {
        if !matches!(self.state.get(), State::Trying { .. }) {
            return false;
        }
        self.state.set(State::Closed);
        self.window.take();
        true
    }
}

impl Slot {
    fn is_too_much(self, settings: &BreakerSettings) -> bool {
        // Counts of streams are far below what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let (faults, streams) = (self.faults as f64, self.streams as f64);
        self.faults >= settings.faults && faults >= settings.rate * streams
    }
}

impl Window {
    /// Returns the slot of this moment; what is older than the window is forgotten.
    fn slot(&mut self, now: Instant, length: Duration) -> &mut Slot {
        // Nearly always it is the one of the stream before.
        if self.ends.is_none_or(|ends| now >= ends) {
            self.move_on(now, length);
        }
        &mut self.current
    }

    fn move_on(&mut self, now: Instant, length: Duration) {
        let step = (length / SLOTS).max(Duration::from_nanos(1));
        let mut ends = self.ends.unwrap_or(now + step);
        if now >= ends + length {
            *self = Self::default();
            ends = now + step;
        }
        while now >= ends {
            self.past.truncate(SLOTS as usize - 2);
            self.past.push_front(std::mem::take(&mut self.current));
            ends += step;
        }
        self.ends = Some(ends);
    }

    fn total(&self) -> Slot {
        let sum = |total: Slot, slot: &Slot| Slot {
            streams: total.streams + slot.streams,
            faults: total.faults + slot.faults,
        };
        self.past.iter().fold(self.current, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(1);

    fn breaker(faults: usize, rate: f64) -> (Breaker, Instant) {
        let breaker = Breaker::new(BreakerSettings {
            faults,
            rate,
            window: Duration::from_secs(10),
            open_for: OPEN_FOR,
        });
        (breaker, Instant::now())
    }

    /// Streams at one moment, of which some fail.
    fn streams(breaker: &Breaker, now: Instant, count: usize, faults: usize) -> bool {
        (0..count).for_each(|_| assert!(breaker.admits(now)));
        (0..faults).fold(false, |opens, _| breaker.count_fault(now) || opens)
    }

    #[test]
    fn it_opens_at_the_number_and_the_rate_and_not_before() {
        let (breaker, now) = breaker(5, 0.5);
        assert!(!streams(&breaker, now, 4, 4));
        assert!(streams(&breaker, now, 1, 1));
        assert!(!breaker.admits(now));
    }

    #[test]
    fn a_few_who_crash_do_not_shut_out_the_many() {
        let (breaker, now) = breaker(5, 0.5);
        assert!(!streams(&breaker, now, 1000, 100));
        assert!(breaker.admits(now));
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let (breaker, now) = breaker(5, 0.5);
        for second in 0..60 {
            let now = now + Duration::from_secs(3 * second);
            assert!(!streams(&breaker, now, 1, 1), "{second}");
        }
    }

    #[test]
    fn after_a_while_one_stream_tries_and_its_success_closes_it() {
        let (breaker, now) = breaker(1, 0.5);
        assert!(streams(&breaker, now, 1, 1));
        assert!(!breaker.admits(now + OPEN_FOR / 2));
        let later = now + OPEN_FOR;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later));
        assert!(breaker.count_success());
        assert!(!breaker.count_success());
        assert!(breaker.admits(later));
    }

    #[test]
    fn a_trial_that_fails_opens_it_again() {
        let (breaker, now) = breaker(1, 0.5);
        assert!(streams(&breaker, now, 1, 1));
        let later = now + OPEN_FOR;
        assert!(breaker.admits(later));
        assert!(!breaker.count_fault(later), "it was open all the time");
        assert!(!breaker.admits(later + OPEN_FOR / 2));
        assert!(breaker.admits(later + OPEN_FOR));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_is_followed_by_another() {
        let (breaker, now) = breaker(1, 0.5);
        assert!(streams(&breaker, now, 1, 1));
        assert!(breaker.admits(now + OPEN_FOR));
        assert!(breaker.admits(now + 2 * OPEN_FOR));
    }

    #[test]
    fn it_can_be_turned_off() {
        let (breaker, now) = breaker(0, 0.0);
        assert!(!streams(&breaker, now, 100, 100));
        assert!(breaker.admits(now));
    }
}
