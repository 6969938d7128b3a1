//! The driver: turns the host's callbacks into handlers that run, wait and go on.
//!
//! Nothing here is borrowed across a hostcall: a context is taken out of the table before it runs,
//! and a future out of its slot before it is polled, so a host that calls back meets no borrow.

mod brief;
pub(crate) mod calls;
mod contexts;
#[cfg(feature = "dns")]
pub(crate) mod dns;
#[cfg(feature = "grpc")]
pub(crate) mod grpc;
pub(crate) mod kind;
mod place;
pub(crate) mod reading;
mod root;
#[cfg(not(target_arch = "wasm32"))]
mod saved;
mod stream;
pub(crate) mod tasks;
pub(crate) mod timers;
mod tunnel;
mod wake;

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use contexts::Contexts;
use kind::{Http, Kind, Rootwide, Tcp};
pub(crate) use place::Place;
use place::is_at_rest;
use root::Root;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use saved::{Saved, contexts, forget, swap};

use crate::filter::HttpFilter;
use crate::module_static::{ModuleStatic, module_static};
use crate::service::Service;
use crate::stream_filter::StreamFilter;
use crate::sys;

/// One plugin of a module: what `plugins!` lists.
#[derive(Clone, Copy)]
pub struct Registration {
    root_id: &'static str,
    create: fn(u32),
}

/// Finds the plugin of a new root context.
pub(crate) type Select = fn() -> Option<Registration>;

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("root_id", &self.root_id)
            .finish_non_exhaustive()
    }
}

impl Registration {
    /// Registers an HTTP filter for plugins with this `root_id`.
    #[must_use]
    pub const fn of<F: HttpFilter>(root_id: &'static str) -> Self {
        Self::of_kind::<Http<F>>(root_id)
    }

    /// Registers a TCP filter.
    #[must_use]
    pub const fn of_stream_filter<F: StreamFilter>(root_id: &'static str) -> Self {
        Self::of_kind::<Tcp<F>>(root_id)
    }

    /// Registers a plugin without streams.
    #[must_use]
    pub const fn of_service<S: Service>(root_id: &'static str) -> Self {
        Self::of_kind::<Rootwide<S>>(root_id)
    }

    const fn of_kind<K: Kind>(root_id: &'static str) -> Self {
        Self {
            root_id,
            create: |id| insert(id, Rc::new(Root::<K>::new(id))),
        }
    }
}

/// A context of the host: a plugin's root, or a stream. One entry for all events keeps small
/// modules small.
pub(crate) trait HostContext {
    /// Reacts to an event of the context with this id, and returns the number for the host; 0 to
    /// an event of the other kind. A root may stand for its streams.
    fn on(self: Rc<Self>, id: u32, event: Event) -> u32;

    /// Makes a context for a stream of this root; a stream has none.
    fn create_stream(self: Rc<Self>, id: u32);
}

/// What has come of something that may come in parts: headers have no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part(usize);

impl Part {
    /// Describes a part by its size, and by whether nothing follows.
    #[must_use]
    pub const fn new(size: usize, is_last: bool) -> Self {
        // Within one word an event is two, which are passed in registers.
        Self(size << 1 | if is_last { 1 } else { 0 })
    }

    pub(crate) const fn size(self) -> usize {
        self.0 >> 1
    }

    pub(crate) const fn is_last(self) -> bool {
        self.0 & 1 != 0
    }
}

/// What happens to a context.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event {
    /// `proxy_on_configure`
    Configure,
    /// `proxy_on_tick`
    Tick,
    /// What a handler awaits may have come.
    Resume,
    /// `tollgate_on_request`, of a stream that the root does not know yet.
    Request(Part),
    /// `proxy_on_request_headers`
    RequestHeaders(Part),
    /// `proxy_on_request_body`
    RequestBody(Part),
    /// `proxy_on_request_trailers`
    RequestTrailers,
    /// `proxy_on_response_headers`
    ResponseHeaders(Part),
    /// `proxy_on_response_body`
    ResponseBody(Part),
    /// `proxy_on_response_trailers`
    ResponseTrailers,
    /// `proxy_on_new_connection`
    Connection,
    /// `proxy_on_downstream_data`
    DownstreamData(Part),
    /// `proxy_on_downstream_connection_close`
    DownstreamClosed {
        /// The number of who closed it.
        by: u32,
    },
    /// `proxy_on_upstream_data`
    UpstreamData(Part),
    /// `proxy_on_upstream_connection_close`
    UpstreamClosed {
        /// The number of who closed it.
        by: u32,
    },
    /// `proxy_on_queue_ready`
    QueueReady {
        /// The queue's token.
        queue: u32,
    },
    /// `proxy_on_foreign_function`
    ForeignFunction {
        /// The number of the function.
        function: u32,
    },
    /// `proxy_on_log`
    Log,
    /// `proxy_on_done`
    Done,
    /// `proxy_on_delete`
    Delete,
}

module_static! {
    static SELECT: Cell<Option<Select>> = Cell::new(None);
    // Whether this is the memory of one stream, which hears neither of ticks nor of what its plugin
    // awaits.
    static RESTORED: Cell<bool> = Cell::new(false);
    // Plugins whose host can hold headers and deliver the body behind them.
    static HEADER_HOLDERS: Cell<Vec<u32>> = Cell::new(Vec::new());
    static CONTEXTS: RefCell<Contexts<Rc<dyn HostContext>>> = RefCell::new(Contexts::new());
}

/// Looks into a cell. `look` must not leave this module, as the cell is empty meanwhile.
fn with<T: Default, R>(cell: &'static ModuleStatic<Cell<T>>, look: impl FnOnce(&mut T) -> R) -> R {
    let mut value = cell.take();
    let result = look(&mut value);
    // The empty value owns nothing, so the code to drop it is left out.
    let _empty = ManuallyDrop::new(cell.replace(value));
    result
}

/// Looks into the table of contexts, which is too large to be taken out of a cell for every event.
/// `look` must not leave this module: it would find the table in use.
fn with_contexts<R>(
    look: impl FnOnce(&mut Contexts<Rc<dyn HostContext>>) -> Option<R>,
) -> Option<R> {
    CONTEXTS.with(|contexts| look(&mut *contexts.try_borrow_mut().ok()?))
}

/// Installs a hook. The compiler must not learn which function is the only one ever installed: it
/// would call it where the hook is read, and so keep it in modules that never install it.
fn install<H>(place: &'static ModuleStatic<Cell<Option<H>>>, hook: H) {
    place.set(std::hint::black_box(Some(hook)));
}

/// Says how the module's plugins are found.
pub fn register(select: Select) {
    SELECT.set(Some(select));
}

/// Finds the plugin registered for the configured `root_id`, of several.
#[must_use]
pub fn select(plugins: &[Registration]) -> Option<Registration> {
    let root_id = sys::property(b"plugin_root_id").unwrap_or_default();
    let plugin = plugins
        .iter()
        .find(|plugin| plugin.root_id.as_bytes() == root_id);
    if plugin.is_none() {
        let line = b"this module has no plugin for the configured root_id";
        crate::log::write_bytes(tollgate_abi::LogLevel::Critical, line);
    }
    plugin.copied()
}

/// `tollgate_on_restore`: this memory is a copy, made for one stream.
pub fn on_restore() {
    RESTORED.set(true);
}

/// `proxy_on_context_create`
pub fn on_context_create(id: u32, parent: u32) {
    if parent != 0 {
        if let Some(root) = context(parent) {
            root.create_stream(id);
        }
    } else if let Some(plugin) = SELECT.get().and_then(|select| select()) {
        (plugin.create)(id);
    }
}

/// Puts a new context into the table.
fn insert(id: u32, context: Rc<dyn HostContext>) {
    let rest = CONTEXTS.with(|contexts| {
        let mut contexts = contexts.try_borrow_mut().ok();
        match contexts.as_mut().and_then(|contexts| contexts.vacate(id)) {
            Some(slot) => {
                *slot = Some((id, context));
                None
            }
            None => Some(context),
        }
    });
    if rest.is_some() {
        replace(id, rest);
    }
}

/// Deletes a context, and puts another in its place, while some lie in each other's slots or there
/// is none yet.
#[cold]
#[inline(never)]
fn replace(id: u32, context: Option<Rc<dyn HostContext>>) {
    // No known host gives an id twice. What the context before awaits would keep it, and what it
    // does at its end may come back here, so the new one is in the table first.
    let before = with_contexts(|contexts| {
        let before = contexts.remove(id);
        if let Some(context) = context {
            contexts.insert(id, context);
        }
        before
    });
    if let Some(before) = before {
        before.on(id, Event::Delete);
    }
}

/// Any callback of a context; 0, "continue", for a context that is not known.
#[inline(never)]
pub fn on_event(id: u32, event: Event) -> u32 {
    deliver(id, id, event)
}

/// `tollgate_on_request`, which stands for `proxy_on_context_create`, `proxy_on_request_headers` and,
/// if that returns 0, `proxy_on_delete`.
pub fn on_request(id: u32, root: u32, part: Part) -> u32 {
    deliver(root, id, Event::Request(part))
}

/// Has a context react to an event of the one with this id.
fn deliver(to: u32, id: u32, event: Event) -> u32 {
    let answer = context(to).map_or(0, |context| context.on(id, event));
    wake::settle();
    answer
}

/// `proxy_on_done`: whether the context may be deleted now. One that is not known may.
pub fn on_done(id: u32) -> u32 {
    let known = context(id).is_some();
    if known { on_event(id, Event::Done) } else { 1 }
}

/// `proxy_on_delete`
pub fn on_delete(id: u32) {
    if let Some(context) = with_contexts(|contexts| contexts.remove_own(id)) {
        context.on(id, Event::Delete);
    } else {
        replace(id, None);
    }
    wake::settle();
}

/// Says that the host of a plugin can hold headers while it delivers the body.
pub(crate) fn hold_headers(root: u32) {
    with(&HEADER_HOLDERS, |roots| roots.push(root));
}

fn can_hold_headers(root: u32) -> bool {
    with(&HEADER_HOLDERS, |roots| roots.contains(&root))
}

fn context(id: u32) -> Option<Rc<dyn HostContext>> {
    with_contexts(|contexts| contexts.get(id).cloned())
}

/// Goes on with every stream: those that came before their plugin was ready wait for it.
fn resume_all(_: u32) {
    let mut last = 0;
    while let Some(id) = with_contexts(|contexts| contexts.after(last).map(|(id, _)| id)) {
        resume(id);
        last = id;
    }
}

/// Goes on with what a context awaits. It becomes the host's effective context first; a context
/// that the host no longer knows is left alone until it is deleted.
fn resume(id: u32) {
    if sys::set_effective_context(id).is_err() {
        return;
    }
    if let Some(context) = context(id) {
        context.on(id, Event::Resume);
    }
}
