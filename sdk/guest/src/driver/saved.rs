//! Saved: the driver's state of a native VM while another one, or none, runs on its thread.

use std::rc::Rc;

use super::contexts::Contexts;
#[cfg(feature = "dns")]
use super::dns;
#[cfg(feature = "grpc")]
use super::grpc;
use super::{
    CONTEXTS, Event, HEADER_HOLDERS, HostContext, RESTORED, SELECT, Select, calls, place, reading,
    tasks, timers, wake,
};

/// The state of a VM that is not running.
#[derive(Default)]
pub(crate) struct Saved {
    select: Option<Select>,
    restored: bool,
    header_holders: Vec<u32>,
    contexts: Contexts<Rc<dyn HostContext>>,
    place: place::Saved,
    bodies: reading::Saved,
    ready: wake::Saved,
    tasks: tasks::Saved,
    timers: timers::Saved,
    calls: calls::Saved,
    #[cfg(feature = "grpc")]
    grpc: grpc::Saved,
    #[cfg(feature = "dns")]
    dns: dns::Saved,
}

/// Exchanges the thread's state with the saved one.
pub(crate) fn swap(saved: &mut Saved) {
    saved.select = SELECT.replace(saved.select);
    saved.restored = RESTORED.replace(saved.restored);
    saved.header_holders = HEADER_HOLDERS.replace(std::mem::take(&mut saved.header_holders));
    saved.contexts = CONTEXTS.replace(std::mem::take(&mut saved.contexts));
    place::swap(&mut saved.place);
    reading::swap(&mut saved.bodies);
    wake::swap(&mut saved.ready);
    tasks::swap(&mut saved.tasks);
    timers::swap(&mut saved.timers);
    calls::swap(&mut saved.calls);
    #[cfg(feature = "grpc")]
    grpc::swap(&mut saved.grpc);
    #[cfg(feature = "dns")]
    dns::swap(&mut saved.dns);
}

/// Returns how many contexts there are.
pub(crate) fn contexts() -> usize {
    CONTEXTS.with_borrow(Contexts::len)
}

/// Drops every context.
pub(crate) fn forget() {
    for (id, context) in CONTEXTS.take().into_iter() {
        context.on(id, Event::Delete);
    }
}
