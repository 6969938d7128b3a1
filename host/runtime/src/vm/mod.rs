//! The VM: one instance of a module with its plugins and streams.

mod callback;
mod capture;
mod dns;
mod effects;
mod exports;
mod fault;
mod grpc;
mod guest;
mod history;
mod http;
mod in_flight;
mod instance;
mod limits;
mod log_rate;
mod mark;
mod numbers;
mod plugin;
mod replay;
mod rewind;
mod state;
mod stream_end;
mod tcp;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use effects::Effect;
pub(crate) use fault::function_name;
pub(crate) use guest::{Entry, Settings};
pub(crate) use history::Outcome;
pub(crate) use numbers::Numbers;
pub(crate) use replay::{ReplayEnd, ReplayVm, SavedGuest};
pub(crate) use state::{Common, VM_CONTEXT, VmState};

use crate::context::{Context, HttpContext, TcpContext};
use crate::host::{HostServices, HttpHost, TcpHost};
use crate::shared::SharedState;
use crate::{ContextId, Fault, Finished, LoadError, Module, VmConfig};
pub(crate) use callback::Callback;
pub(crate) use exports::Exports;
use guest::Guest;
pub(crate) use instance::allocator;
pub use mark::MemoryMark;
use rewind::Beginning;

/// Bytes of a page as WebAssembly counts them.
const WASM_PAGE: usize = 64 * 1024;

/// One instance of a module, with the plugins and streams in it. It belongs to one thread.
///
/// Every `on_*` method enters the guest, obeys Envoy's rules of what the guest may see meanwhile,
/// and returns after what the guest asked for has reached the embedder's traits. After the first
/// [`Fault`] every method returns one without entering the guest.
pub struct Vm {
    guest: Guest,
    exports: Exports,
    module: Module,
    /// What it was at first, if it is an instance of a snapshot.
    beginning: Option<Beginning>,
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm")
            .field("state", self.guest.state())
            .field("has_failed", &self.guest.has_failed())
            .finish_non_exhaustive()
    }
}

impl Vm {
    /// Makes an instance and runs its start functions.
    ///
    /// # Errors
    ///
    /// When there is not enough memory, or when a start function does not complete.
    pub fn new(
        module: &Module,
        config: VmConfig,
        shared: Arc<SharedState>,
        services: Rc<dyn HostServices>,
    ) -> Result<Self, LoadError> {
        let (guest, exports) = instance::start(module, config, shared, services)?;
        Ok(Self {
            guest,
            exports,
            module: module.clone(),
            beginning: None,
        })
    }

    /// Returns the module that this is an instance of.
    #[must_use]
    pub const fn module(&self) -> &Module {
        &self.module
    }

    /// Returns the memory and the stack that a fault has left, once, in the format of WebAssembly's
    /// tool conventions, for debuggers; `None` unless the engine's options ask for it.
    pub fn coredump(&mut self) -> Option<Vec<u8>> {
        self.guest.coredump()
    }

    /// Returns whether a fault has ended this VM.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.guest.has_failed()
    }

    /// Returns what has ended since the last time, if [`VmConfig::keeps_finished`]: streams and
    /// callbacks of roots. An instance has something to return when its streams are gone.
    pub fn take_finished(&mut self) -> Option<Finished> {
        let memory_bytes = self.memory().len();
        let state = self.guest.state_mut();
        let recorder = state.recorder.as_mut()?;
        if recorder.is_instance() && state.contexts.only_roots().is_err() {
            return None;
        }
        let (start, ends) = recorder.take_finished()?;
        let plugins = state.contexts.roots().map(|root| root.plugin.name.clone());
        Some(Finished {
            plugins: plugins.collect(),
            config: state.common.config.clone(),
            start,
            ends,
            memory_bytes,
        })
    }

    /// Returns whether a context still exists: a root that waits for `proxy_done` ends by itself.
    #[must_use]
    pub fn has_context(&self, id: ContextId) -> bool {
        self.guest.state().contexts.contains(id)
    }

    /// Returns how many contexts exist, roots included.
    #[must_use]
    pub fn context_count(&self) -> usize {
        self.guest.state().contexts.len()
    }

    /// Returns how many HTTP callouts of this VM wait for an answer. A snapshot is best taken when
    /// none does: plugins may have sent some while they were configured.
    #[must_use]
    pub fn callouts_in_flight(&self) -> usize {
        self.guest.state().in_flight.count()
    }

    /// Returns how many instructions the guest has executed, about; `None` unless
    /// [`EngineOptions::count_fuel`](crate::EngineOptions::count_fuel) is set.
    #[must_use]
    pub fn fuel_consumed(&self) -> Option<u64> {
        self.guest.fuel_consumed()
    }

    /// Adds a stream. The guest hears of it before the stream's first callback.
    ///
    /// `root` must come from [`start_plugin`](Self::start_plugin) of this VM; with another id the
    /// stream's callbacks return faults.
    pub fn create_http_context(&mut self, root: ContextId, host: Rc<dyn HttpHost>) -> ContextId {
        let state = self.guest.state_mut();
        let plugin = state.contexts.root(root);
        let plugin = plugin.map(|root| Arc::clone(&root.plugin));
        let context = HttpContext::new(root, plugin.unwrap_or_default(), host);
        state.insert(Context::Http(context))
    }

    /// Adds a TCP connection. The guest hears of it before the connection's first callback.
    ///
    /// `root` must come from [`start_plugin`](Self::start_plugin) of this VM; with another id the
    /// connection's callbacks return faults.
    pub fn create_tcp_context(&mut self, root: ContextId, host: Rc<dyn TcpHost>) -> ContextId {
        let state = self.guest.state_mut();
        let plugin = state.contexts.root(root);
        let plugin = plugin.map(|root| Arc::clone(&root.plugin));
        let context = TcpContext::new(root, plugin.unwrap_or_default(), host);
        state.insert(Context::Tcp(context))
    }

    pub(crate) fn guest_state_mut(&mut self) -> &mut VmState {
        self.guest.state_mut()
    }

    /// Brings the effects of a callback to the embedder, in the order the guest asked for them.
    fn run_effects(&mut self) -> Result<(), Fault> {
        while !self.guest.state().effects.is_empty() {
            for effect in self.guest.state_mut().take_effects() {
                self.run_effect(effect)?;
            }
        }
        Ok(())
    }

    fn run_effect(&mut self, effect: Effect) -> Result<(), Fault> {
        let host = |vm: &Self, id| {
            vm.guest
                .state()
                .contexts
                .http(id)
                .map(|http| Rc::clone(&http.host))
        };
        match effect {
            Effect::ContinueStream(id, direction) => {
                if let Some(host) = host(self, id) {
                    host.continue_stream(direction);
                }
            }
            Effect::CloseStream(id) => {
                if let Some(host) = host(self, id) {
                    host.close_stream();
                }
            }
            Effect::ContinueDownstream(id) => {
                if let Some(host) = self.tcp_host(id) {
                    host.continue_downstream();
                }
            }
            Effect::CloseConnection(id, asked) => {
                if let Some(host) = self.tcp_host(id) {
                    host.close(asked);
                }
            }
            Effect::SendLocalResponse(id, response) => {
                if let Some(host) = host(self, id) {
                    host.send_local_response(*response);
                }
            }
            Effect::DeleteRoot(id) => self.delete_context(id, self.guest.deadlines.configure)?,
            Effect::CloseGrpc {
                root,
                token,
                status,
                message,
            } => {
                self.guest.state_mut().closes_refused_grpc = true;
                let result = self.close_grpc(root, token, status, &message);
                self.guest.state_mut().closes_refused_grpc = false;
                result?;
            }
        }
        Ok(())
    }
}
