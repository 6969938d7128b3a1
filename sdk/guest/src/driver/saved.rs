//! Saved: the driver's state of a native VM while another one, or none, runs on its thread.

use std::rc::Rc;

use super::contexts::Contexts;
use super::{
    CONTEXTS, Event, HostContext, SELECT, Select, calls, place, tasks, timers, wake, with,
};

/// The state of a VM that is not running.
#[derive(Default)]
pub(crate) struct Saved {
    select: Option<Select>,
    contexts: Contexts<Rc<dyn HostContext>>,
    place: place::Saved,
    ready: wake::Saved,
    tasks: tasks::Saved,
    timers: timers::Saved,
    calls: calls::Saved,
}

/// Exchanges the thread's state with the saved one.
pub(crate) fn swap(saved: &mut Saved) {
    saved.select = SELECT.replace(saved.select);
    saved.contexts = CONTEXTS.replace(std::mem::take(&mut saved.contexts));
    place::swap(&mut saved.place);
    wake::swap(&mut saved.ready);
    tasks::swap(&mut saved.tasks);
    timers::swap(&mut saved.timers);
    calls::swap(&mut saved.calls);
}

/// Returns how many contexts there are.
pub(crate) fn contexts() -> usize {
    with(&CONTEXTS, |contexts| contexts.len())
}

/// Drops every context.
pub(crate) fn forget() {
    for context in CONTEXTS.take().into_iter() {
        context.on(Event::Delete);
    }
}
