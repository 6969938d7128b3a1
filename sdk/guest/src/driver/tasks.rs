//! Tasks: futures of a plugin that belong to no stream.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use super::{Place, install, wake, with};
use crate::module_static::module_static;
use crate::sys;

/// A boxed future.
pub(super) type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// Ids of tasks begin here: hosts count contexts up from 1.
const FIRST: u32 = 0x8000_0000;

/// A task that has not ended.
struct Entry {
    id: u32,
    root: u32,
    /// Away while it is polled.
    parked: Option<(Task<()>, Waker)>,
}

#[derive(Default)]
struct Tasks {
    entries: Vec<Entry>,
    last: u32,
}

/// Drops the tasks of a root.
type Forget = fn(u32);

module_static! {
    static TASKS: Cell<Tasks> = Cell::new(Tasks { entries: Vec::new(), last: 0 });
    // Set by the first task, so that a plugin without tasks does not contain them.
    static FORGET: Cell<Option<Forget>> = Cell::new(None);
}

/// Polls a future of a plugin at once, and keeps it as a task if it waits.
pub(super) fn run(root: u32, work: impl Future<Output = ()> + 'static) {
    let mut task = Box::pin(work);
    let place = Place::of_root(root);
    let polled = place.enter(|| {
        task.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    });
    if !polled {
        spawn(root, task);
    }
}

/// Keeps a future and has it polled soon.
pub(crate) fn spawn(root: u32, task: Task<()>) {
    install(&FORGET, forget as Forget);
    let id = with(&TASKS, |tasks| {
        tasks.last = tasks.last.wrapping_add(1) | FIRST;
        let id = tasks.last;
        tasks.entries.push(Entry {
            id,
            root,
            parked: Some((task, wake::waker(id, resume))),
        });
        id
    });
    wake::schedule(id, resume);
}

/// Polls a task. A plugin that the host no longer knows has no tasks any more.
fn resume(id: u32) {
    let taken = with(&TASKS, |tasks| {
        let entry = tasks.entries.iter_mut().find(|entry| entry.id == id)?;
        Some((entry.root, entry.parked.take()?))
    });
    let Some((root, (mut task, waker))) = taken else {
        return;
    };
    let known = sys::set_effective_context(root).is_ok();
    let place = Place::of_root(root);
    let waits = known
        && place.enter(|| {
            task.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        });
    // A task whose plugin went meanwhile has no entry, and is dropped here.
    let ended = with(&TASKS, |tasks| {
        let index = tasks.entries.iter().position(|entry| entry.id == id);
        match index.and_then(|index| tasks.entries.get_mut(index)) {
            Some(entry) if waits => entry.parked.replace((task, waker)),
            _ => {
                let _gone = index.map(|index| tasks.entries.swap_remove(index));
                Some((task, waker))
            }
        }
    });
    drop(ended);
}

/// Drops the tasks of a plugin that ends.
pub(super) fn forget_root(root: u32) {
    if let Some(forget) = FORGET.get() {
        forget(root);
    }
}

fn forget(root: u32) {
    let take = |tasks: &mut Tasks| {
        let index = tasks.entries.iter().position(|entry| entry.root == root);
        index.map(|index| tasks.entries.swap_remove(index))
    };
    // Dropped out here, as their drop may spawn or call the host.
    while let Some(gone) = with(&TASKS, take) {
        drop(gone);
    }
}

/// The tasks of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Tasks, Option<Forget>);

/// Exchanges the thread's tasks with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = TASKS.replace(std::mem::take(&mut saved.0));
    saved.1 = FORGET.replace(saved.1);
}

/// Returns how many tasks have not ended.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn count() -> usize {
    with(&TASKS, |tasks| tasks.entries.len())
}
