//! Saved: the driver's state of a native VM while another one, or none, runs on its thread.

use std::rc::Rc;

use super::contexts::Contexts;
use super::{PLUGINS, ROOTS, RUNNING, Registration, RootContext, STREAMS, StreamContext, calls};

/// The state of a VM that is not running.
pub(crate) struct Saved {
    plugins: &'static [Registration],
    roots: Vec<Rc<dyn RootContext>>,
    streams: Contexts<Rc<dyn StreamContext>>,
    running: u32,
    calls: calls::Saved,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            plugins: &[],
            roots: Vec::new(),
            streams: Contexts::new(),
            running: 0,
            calls: calls::Saved::default(),
        }
    }
}

/// Exchanges the thread's state with the saved one.
pub(crate) fn swap(saved: &mut Saved) {
    saved.plugins = PLUGINS.replace(saved.plugins);
    saved.running = RUNNING.replace(saved.running);
    ROOTS.with_borrow_mut(|roots| std::mem::swap(roots, &mut saved.roots));
    STREAMS.with_borrow_mut(|streams| std::mem::swap(streams, &mut saved.streams));
    calls::swap(&mut saved.calls);
}

/// Returns how many streams there are.
pub(crate) fn streams() -> usize {
    STREAMS.with_borrow(Contexts::len)
}

/// Drops every context.
pub(crate) fn forget() {
    let streams = STREAMS.replace(Contexts::new());
    for stream in streams.into_iter() {
        stream.delete();
    }
    drop(ROOTS.take());
}
