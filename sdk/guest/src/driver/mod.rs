//! The driver: turns the host's callbacks into handlers that run, wait and go on.
//!
//! Nothing here is borrowed across a hostcall: a context is taken out of the table before it runs,
//! and a future out of its slot before it is polled, so a host that calls back meets no borrow.

pub(crate) mod calls;
mod contexts;
mod root;
#[cfg(not(target_arch = "wasm32"))]
mod saved;
mod stream;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use contexts::Contexts;
use root::Root;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use saved::{Saved, forget, streams, swap};

use crate::filter::HttpFilter;
use crate::sys;

/// One plugin of a module: what `plugins!` lists.
#[derive(Clone, Copy)]
pub struct Registration {
    root_id: &'static str,
    create: fn(u32) -> Rc<dyn RootContext>,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("root_id", &self.root_id)
            .finish_non_exhaustive()
    }
}

impl Registration {
    /// Registers a filter for plugins with this `root_id`.
    #[must_use]
    pub const fn of<F: HttpFilter>(root_id: &'static str) -> Self {
        Self {
            root_id,
            create: |id| Rc::new(Root::<F>::new(id)),
        }
    }
}

/// A plugin's root context.
trait RootContext {
    fn id(&self) -> u32;
    fn configure(self: Rc<Self>) -> bool;
    fn tick(self: Rc<Self>);
    fn resume(self: Rc<Self>);
    fn create_stream(self: Rc<Self>, id: u32) -> Rc<dyn StreamContext>;
}

/// A stream's context. `on` runs the handlers of an event and answers with an action's number.
trait StreamContext {
    fn on(self: Rc<Self>, event: Event) -> u32;
    fn resume(self: Rc<Self>);
    fn log(self: Rc<Self>);
    fn delete(&self);
}

/// A callback of a stream that has an answer.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// `proxy_on_request_headers`
    RequestHeaders {
        /// Whether there is no body.
        end_of_stream: bool,
    },
    /// `proxy_on_request_body`
    RequestBody {
        /// Size of what is there.
        size: usize,
        /// Whether it is all.
        end_of_stream: bool,
    },
    /// `proxy_on_request_trailers`
    RequestTrailers,
    /// `proxy_on_response_headers`
    ResponseHeaders {
        /// Whether there is no body.
        end_of_stream: bool,
    },
    /// `proxy_on_response_body`
    ResponseBody {
        /// Size of what is there.
        size: usize,
        /// Whether it is all.
        end_of_stream: bool,
    },
    /// `proxy_on_response_trailers`
    ResponseTrailers,
}

thread_local! {
    static PLUGINS: Cell<&'static [Registration]> = const { Cell::new(&[]) };
    static ROOTS: RefCell<Vec<Rc<dyn RootContext>>> = const { RefCell::new(Vec::new()) };
    static STREAMS: RefCell<Contexts<Rc<dyn StreamContext>>> =
        const { RefCell::new(Contexts::new()) };
    // The context whose future is being polled; callouts belong to it.
    static RUNNING: Cell<u32> = const { Cell::new(0) };
}

/// Says which plugins the module has.
pub fn register(plugins: &'static [Registration]) {
    PLUGINS.set(plugins);
}

/// `proxy_on_context_create`
pub fn on_context_create(id: u32, parent: u32) {
    if parent == 0 {
        if let Some(plugin) = select_plugin() {
            let root = (plugin.create)(id);
            ROOTS.with_borrow_mut(|roots| roots.push(root));
        }
    } else if let Some(root) = root(parent) {
        let stream = root.create_stream(id);
        let replaced = STREAMS.with_borrow_mut(|streams| streams.insert(id, stream));
        drop(replaced);
    }
}

/// The only plugin, or the one registered for the configured `root_id`.
fn select_plugin() -> Option<Registration> {
    match PLUGINS.get() {
        [only] => Some(*only),
        plugins => {
            let root_id = sys::property(b"plugin_root_id").unwrap_or_default();
            let plugin = plugins
                .iter()
                .find(|plugin| plugin.root_id.as_bytes() == root_id);
            if plugin.is_none() {
                crate::log::write_bytes(
                    tollgate_abi::LogLevel::Critical,
                    b"this module has no plugin for the configured root_id",
                );
            }
            plugin.copied()
        }
    }
}

/// `proxy_on_configure`
pub fn on_configure(id: u32) -> bool {
    root(id).is_some_and(RootContext::configure)
}

/// `proxy_on_tick`
pub fn on_tick(id: u32) {
    if let Some(root) = root(id) {
        root.tick();
    }
}

/// A callback that belongs to a stream; 0, "continue", for a stream that is not known.
pub fn on_event(id: u32, event: Event) -> u32 {
    stream(id).map_or(0, |stream| stream.on(event))
}

/// `proxy_on_log`
pub fn on_log(id: u32) {
    if let Some(stream) = stream(id) {
        stream.log();
    }
}

/// `proxy_on_delete`
pub fn on_delete(id: u32) {
    let stream = STREAMS.with_borrow_mut(|streams| streams.remove(id));
    if let Some(stream) = stream {
        stream.delete();
    } else {
        let root = ROOTS.with_borrow_mut(|roots| {
            let index = roots.iter().position(|root| root.id() == id)?;
            Some(roots.swap_remove(index))
        });
        drop(root);
    }
}

fn root(id: u32) -> Option<Rc<dyn RootContext>> {
    ROOTS.with_borrow(|roots| roots.iter().find(|root| root.id() == id).cloned())
}

fn stream(id: u32) -> Option<Rc<dyn StreamContext>> {
    STREAMS.with_borrow(|streams| streams.get(id).cloned())
}

fn running_context() -> u32 {
    RUNNING.get()
}

/// Goes on with what a context awaits. It becomes the host's effective context first; a context
/// that the host no longer knows is left alone until it is deleted.
fn resume(id: u32) {
    if id == 0 || sys::set_effective_context(id).is_err() {
        return;
    }
    if let Some(stream) = stream(id) {
        stream.resume();
    } else if let Some(root) = root(id) {
        root.resume();
    }
}
