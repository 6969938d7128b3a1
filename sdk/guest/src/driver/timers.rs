//! Timers: any number of deadlines over the one tick that a host gives each plugin.

use std::cell::Cell;
use std::task::Waker;
use std::time::Duration;

use tollgate_abi::Status;

use super::{RESTORED, install, with};
use crate::error::Error;
use crate::module_static::module_static;
use crate::sys;
use crate::time::{Timestamp, now};

/// Ticks come in whole milliseconds.
const MILLISECOND: Duration = Duration::from_millis(1);

/// A deadline that somebody awaits.
struct Timer {
    id: u32,
    root: u32,
    deadline: Timestamp,
    waker: Waker,
}

/// The tick of one plugin.
#[derive(Default)]
struct Tick {
    root: u32,
    /// The host's period, and when it is over.
    armed: Option<(Duration, Timestamp)>,
    /// The period of the plugin's own handler, and when it is due.
    own: Option<(Duration, Timestamp)>,
}

#[derive(Default)]
struct Timers {
    timers: Vec<Timer>,
    ticks: Vec<Tick>,
    last: u32,
}

/// Wakes whoever is due; whether the own handler of the root is.
type OnTick = fn(u32) -> bool;

module_static! {
    static TIMERS: Cell<Timers> = Cell::new(Timers {
        timers: Vec::new(),
        ticks: Vec::new(),
        last: 0,
    });
    // Set by the first timer: a plugin without timers has the host's tick for itself.
    static ON_TICK: Cell<Option<OnTick>> = Cell::new(None);
}

/// `proxy_on_tick`; whether the plugin's own handler is due.
pub(super) fn on_tick(root: u32) -> bool {
    ON_TICK.get().is_none_or(|on_tick| on_tick(root))
}

/// Sets the period of the plugin's own handler.
pub(crate) fn set_own_period(root: u32, period: Option<Duration>) -> Result<(), Error> {
    let period = period.map(|period| period.max(MILLISECOND));
    let now = now();
    let change = with(&TIMERS, |timers| {
        let mut tick = timers.take_tick(root);
        tick.own = period.map(|period| (period, now + period));
        tick.armed = tick.armed.filter(|_| period.is_none());
        let change = timers.arm(&mut tick, now);
        timers.ticks.push(tick);
        change
    });
    tell(change)
}

/// Registers a deadline of a plugin; the id is forgotten when it has passed.
pub(crate) fn register(root: u32, wait: Duration, waker: Waker) -> Result<u32, Error> {
    if RESTORED.get() {
        let status = Status::Unimplemented.to_u32();
        return Err(Error::new("timer, without isolation = worker", status));
    }
    install(&ON_TICK, fire as OnTick);
    let now = now();
    let deadline = now + wait.max(MILLISECOND);
    let (id, change) = with(&TIMERS, |timers| {
        timers.last = timers.last.wrapping_add(1);
        let id = timers.last;
        timers.timers.push(Timer {
            id,
            root,
            deadline,
            waker,
        });
        let mut tick = timers.take_tick(root);
        let change = timers.arm(&mut tick, now);
        timers.ticks.push(tick);
        (id, change)
    });
    let told = tell(change).map(|()| id);
    if told.is_err() {
        forget(id);
    }
    told
}

/// Returns whether a deadline is still ahead, and says whom it wakes from now on.
pub(crate) fn is_ahead(id: u32, waker: &Waker) -> bool {
    with(&TIMERS, |timers| {
        let timer = timers.timers.iter_mut().find(|timer| timer.id == id);
        timer.map(|timer| timer.waker.clone_from(waker)).is_some()
    })
}

/// Forgets a deadline. The host's period stays as it is until it is over.
pub(crate) fn forget(id: u32) {
    let timer = with(&TIMERS, |timers| {
        timers.timers.extract_if(.., |timer| timer.id == id).next()
    });
    drop(timer);
}

/// Wakes whoever is due, and says whether the plugin's own handler is.
fn fire(root: u32) -> bool {
    let now = now();
    let (due, own, change) = with(&TIMERS, |timers| timers.fire(root, now));
    if let Err(error) = tell(change) {
        error.warn();
    }
    for timer in due {
        timer.waker.wake();
    }
    own
}

/// Gives the host a new period, if there is one.
fn tell(change: Option<Duration>) -> Result<(), Error> {
    let Some(period) = change else {
        return Ok(());
    };
    let millis = period.as_nanos().div_ceil(MILLISECOND.as_nanos());
    sys::set_tick_period(u32::try_from(millis).unwrap_or(u32::MAX))
}

impl Timers {
    fn take_tick(&mut self, root: u32) -> Tick {
        let known = self.ticks.extract_if(.., |tick| tick.root == root).next();
        known.unwrap_or_else(|| Tick {
            root,
            ..Tick::default()
        })
    }

    fn fire(&mut self, root: u32, now: Timestamp) -> (Vec<Timer>, bool, Option<Duration>) {
        let due: Vec<_> = self
            .timers
            .extract_if(.., |timer| timer.root == root && timer.deadline <= now)
            .collect();
        let mut tick = self.take_tick(root);
        // Nobody sleeps too short, but a handler whose period is nearly over need not tick twice.
        let own = tick.own.is_some_and(|(_, at)| at < now + MILLISECOND);
        if own {
            tick.own = tick.own.map(|(period, _)| (period, now + period));
        }
        // The host has begun the same period again. One that ends too early is given up.
        let next = self.next(&tick);
        let again = tick.armed.map(|(period, _)| (period, now + period));
        tick.armed = again.filter(|(_, at)| next.is_none_or(|next| next <= *at));
        let change = self.arm(&mut tick, now);
        self.ticks.push(tick);
        (due, own, change)
    }

    /// The next deadline of a plugin, its own handler's included.
    fn next(&self, tick: &Tick) -> Option<Timestamp> {
        let timers = self.timers.iter().filter(|timer| timer.root == tick.root);
        let deadlines = timers.map(|timer| timer.deadline);
        deadlines.chain(tick.own.map(|(_, at)| at)).min()
    }

    /// Finds the period in which the next deadline is met; `None` if the host's is good enough.
    fn arm(&self, tick: &mut Tick, now: Timestamp) -> Option<Duration> {
        if let Some((period, at)) = &mut tick.own
            && *at <= now
        {
            // It ran without being noted while there were no timers.
            *at = now + *period;
        }
        let Some(next) = self.next(tick) else {
            return tick.armed.take().map(|_| Duration::ZERO);
        };
        if let Some((_, at)) = tick.armed
            && now < at
            && at < next + MILLISECOND
        {
            return None;
        }
        let wait = next.saturating_since(now).max(MILLISECOND);
        tick.armed = Some((wait, now + wait));
        Some(wait)
    }
}

/// The timers of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Timers, Option<OnTick>);

/// Exchanges the thread's timers with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = TIMERS.replace(std::mem::take(&mut saved.0));
    saved.1 = ON_TICK.replace(saved.1);
}
