//! Saved: the driver's state of a native VM while another one, or none, runs on its thread.

use std::rc::Rc;

use super::contexts::Contexts;
use super::{CONTEXTS, Event, HostContext, RUNNING, SELECT, Select, calls, with};

/// The state of a VM that is not running.
#[derive(Default)]
pub(crate) struct Saved {
    select: Option<Select>,
    contexts: Contexts<Rc<dyn HostContext>>,
    running: u32,
    calls: calls::Saved,
}

/// Exchanges the thread's state with the saved one.
pub(crate) fn swap(saved: &mut Saved) {
    saved.select = SELECT.replace(saved.select);
    saved.running = RUNNING.replace(saved.running);
    saved.contexts = CONTEXTS.replace(std::mem::take(&mut saved.contexts));
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
