//! Wakers: which futures can go on, and when they do so.
//!
//! A waker only notes who is to be polled. What is noted runs when the callback that is under way
//! needs the host no more, so no future is polled within another one's hostcall.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::{install, with};
use crate::module_static::module_static;

/// Something that holds a future: an id that only it has, and how it goes on.
#[derive(Clone, Copy)]
struct Sleeper {
    id: u32,
    resume: fn(u32),
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        schedule(self.id, self.resume);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        schedule(self.id, self.resume);
    }
}

module_static! {
    static READY: Cell<Vec<Sleeper>> = Cell::new(Vec::new());
    // Set while something is ready, so that a filter that never waits does not contain what wakes.
    static SETTLE: Cell<Option<fn()>> = Cell::new(None);
}

/// Makes the waker of a future.
pub(super) fn waker(id: u32, resume: fn(u32)) -> Waker {
    Waker::from(Arc::new(Sleeper { id, resume }))
}

/// Has `resume` called with `id` soon.
pub(super) fn schedule(id: u32, resume: fn(u32)) {
    with(&READY, |ready| {
        if !ready.iter().any(|sleeper| sleeper.id == id) {
            ready.push(Sleeper { id, resume });
        }
    });
    install(&SETTLE, run_ready as fn());
}

/// Returns whether `id` was woken, and forgets that it was.
pub(super) fn take(id: u32) -> bool {
    with(&READY, |ready| {
        let before = ready.len();
        ready.retain(|sleeper| sleeper.id != id);
        ready.len() < before
    })
}

/// Runs what is ready, unless a future is being polled: then whoever polls it does so later.
pub(super) fn settle() {
    if let Some(run) = SETTLE.get()
        && super::is_at_rest()
    {
        SETTLE.set(None);
        run();
    }
}

fn run_ready() {
    while let Some(sleeper) = with(&READY, next) {
        (sleeper.resume)(sleeper.id);
    }
}

/// Takes the one that was woken first.
fn next(ready: &mut Vec<Sleeper>) -> Option<Sleeper> {
    (!ready.is_empty()).then(|| ready.remove(0))
}

/// What is ready in a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Vec<Sleeper>, Option<fn()>);

/// Exchanges the thread's state with the saved one.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = READY.replace(std::mem::take(&mut saved.0));
    saved.1 = SETTLE.replace(saved.1);
}
