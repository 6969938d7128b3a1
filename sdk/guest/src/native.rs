//! Filters outside wasm: the same driver, called by a test's host instead of a proxy.
//!
//! `tollgate-testing` builds on this; a filter's own tests use that crate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::driver::calls::{Response, on_response};
#[cfg(feature = "grpc")]
pub use crate::driver::grpc::GrpcEvent;
use crate::driver::{self, Saved, Select};
pub use crate::driver::{Event, Part, Registration};
use crate::filter::HttpFilter;
use crate::service::Service;
use crate::stream_filter::StreamFilter;
use crate::sys::host;
pub use crate::sys::host::{Host, HostResult, ServiceHost, StreamHost};
pub use crate::sys::{GrpcCallArguments, HttpCallArguments, LocalReply, NO_GRPC_STATUS};

/// A filter with its contexts, as a host sees them: the counterpart of one instance of its module.
/// While one of its methods runs, hostcalls of this thread go to its host.
pub struct Vm {
    host: Rc<dyn Host>,
    plugins: Rc<[Registration]>,
    saved: RefCell<Saved>,
    depth: Cell<usize>,
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm").finish_non_exhaustive()
    }
}

impl Vm {
    /// Makes a VM with one plugin, an HTTP filter.
    #[must_use]
    pub fn new<F: HttpFilter>(host: Rc<dyn Host>) -> Self {
        Self::with(host, || Some(Registration::of::<F>("")))
    }

    /// Makes a VM with one plugin, a TCP filter.
    #[must_use]
    pub fn of_stream_filter<F: StreamFilter>(host: Rc<dyn Host>) -> Self {
        Self::with(host, || Some(Registration::of_stream_filter::<F>("")))
    }

    /// Makes a VM with one plugin without streams.
    #[must_use]
    pub fn of_service<S: Service>(host: Rc<dyn Host>) -> Self {
        Self::with(host, || Some(Registration::of_service::<S>("")))
    }

    /// Makes a VM with several plugins: a root context becomes the one with its `root_id`.
    #[must_use]
    pub fn of_plugins(host: Rc<dyn Host>, plugins: Rc<[Registration]>) -> Self {
        let select = || PLUGINS.with_borrow(|plugins| driver::select(plugins));
        Self::of(host, plugins, select)
    }

    fn with(host: Rc<dyn Host>, select: Select) -> Self {
        Self::of(host, Rc::default(), select)
    }

    fn of(host: Rc<dyn Host>, plugins: Rc<[Registration]>, select: Select) -> Self {
        let vm = Self {
            host,
            plugins,
            saved: RefCell::default(),
            depth: Cell::new(0),
        };
        vm.enter(|| driver::register(select));
        vm
    }

    /// `proxy_on_context_create`
    pub fn on_context_create(&self, id: u32, parent: u32) {
        self.enter(|| driver::on_context_create(id, parent));
    }

    /// `proxy_on_configure`
    pub fn on_configure(&self, root: u32) -> bool {
        self.on_event(root, Event::Configure) != 0
    }

    /// `proxy_on_tick`
    pub fn on_tick(&self, root: u32) {
        self.on_event(root, Event::Tick);
    }

    /// Any callback of a context; for a stream's the answer is the number of an action.
    pub fn on_event(&self, id: u32, event: Event) -> u32 {
        self.enter(|| driver::on_event(id, event))
    }

    /// `tollgate_on_request`, which stands for `proxy_on_context_create`, `proxy_on_request_headers`
    /// and, if that returns 0, `proxy_on_delete`.
    pub fn on_request(&self, id: u32, root: u32, part: Part) -> u32 {
        self.enter(|| driver::on_request(id, root, part))
    }

    /// `proxy_on_http_call_response`; 0 headers say that the callout failed.
    pub fn on_http_call_response(
        &self,
        token: u32,
        num_headers: u32,
        body_size: usize,
        num_trailers: u32,
    ) {
        let response = Response {
            token,
            num_headers,
            body_size,
            num_trailers,
        };
        self.enter(|| on_response(response));
    }

    /// A gRPC callout's callback.
    #[cfg(feature = "grpc")]
    pub fn on_grpc(&self, token: u32, event: GrpcEvent) {
        self.enter(|| driver::grpc::on_grpc(token, event));
    }

    /// `envoy_on_resolve_dns`
    #[cfg(feature = "dns")]
    pub fn on_resolve_dns(&self, token: u32, size: usize) {
        self.enter(|| driver::dns::on_resolve_dns(token, size));
    }

    /// `proxy_on_log`
    pub fn on_log(&self, id: u32) {
        self.on_event(id, Event::Log);
    }

    /// `proxy_on_done`: whether the context may be deleted now.
    pub fn on_done(&self, id: u32) -> bool {
        self.enter(|| driver::on_done(id)) != 0
    }

    /// `proxy_on_delete`
    pub fn on_delete(&self, id: u32) {
        self.enter(|| driver::on_delete(id));
    }

    /// Returns how many contexts the filter still knows, its root included.
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.enter(driver::contexts)
    }

    /// Returns how many callouts the filter still awaits.
    #[must_use]
    pub fn callouts(&self) -> usize {
        self.enter(driver::calls::in_flight)
    }

    /// Returns how many gRPC callouts have not ended.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc_callouts(&self) -> usize {
        self.enter(driver::grpc::in_flight)
    }

    /// Returns how many tasks of the plugin have not ended.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.enter(driver::tasks::count)
    }

    /// Runs with this VM's state in place. A host that calls back during a hostcall finds it there.
    fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(self);
        run()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // What the contexts drop may call the host.
        self.enter(driver::forget);
    }
}

thread_local! {
    /// The plugins of the VM that runs, if it has several.
    static PLUGINS: RefCell<Rc<[Registration]>> = RefCell::default();
}

/// Puts a VM's state in place, and away again also when a filter panics.
struct Entered<'a> {
    vm: &'a Vm,
    host: Option<Rc<dyn Host>>,
    plugins: Rc<[Registration]>,
}

impl<'a> Entered<'a> {
    fn new(vm: &'a Vm) -> Self {
        let depth = vm.depth.replace(vm.depth.get() + 1);
        if depth == 0 {
            driver::swap(&mut vm.saved.borrow_mut());
        }
        Self {
            vm,
            host: host::install(Some(Rc::clone(&vm.host))),
            plugins: PLUGINS.replace(Rc::clone(&vm.plugins)),
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        host::install(self.host.take());
        PLUGINS.replace(std::mem::take(&mut self.plugins));
        self.vm.depth.set(self.vm.depth.get() - 1);
        if self.vm.depth.get() == 0 {
            driver::swap(&mut self.vm.saved.borrow_mut());
        }
    }
}
