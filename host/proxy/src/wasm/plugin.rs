//! `PluginHandle`: one plugin on one worker; makes its filters and replaces its VM when it may.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_config::{FailurePolicy, PluginConfig, PluginSettings, Settings};
use tollgate_runtime::Module;

use super::error::PluginError;
use super::http_filter::{FailedFilter, PluginFilter, StreamCallbacks};
use super::http_host::StreamHost;
use super::network_filter::{FailedNetworkFilter, PluginNetworkFilter};
use super::runtime::LoadedModule;
use super::stats::ReloadStats;
use super::vm_table::{Root, VmTable};
use crate::cluster::ClusterManager;
use crate::filter::{HttpFilter, StreamState};
use crate::network::{ConnectionState, NetworkFilter};
use crate::random::Random;

/// A plugin that serves on this worker.
pub(crate) struct PluginHandle {
    config: PluginConfig,
    settings: PluginSettings,
    module: Arc<LoadedModule>,
    callbacks: StreamCallbacks,
    vms: Rc<VmTable>,
    root: RefCell<Root>,
    last_load: Cell<Instant>,
    random: Random,
    stats: ReloadStats,
    /// Whether it belongs to the generation that is served.
    serves: Cell<bool>,
    /// How many generations have it on this worker, those that drain included.
    generations: Cell<usize>,
    /// It was told to finish.
    finishes: Cell<bool>,
}

/// What a plugin does for a new stream or connection.
enum Readiness {
    Serves,
    /// It has failed, and its policy lets everything pass.
    IsPassedBy,
    /// It has failed, and its policy lets nothing pass.
    HasFailed,
}

impl PluginHandle {
    pub(super) fn start(config: &PluginConfig, vms: &Rc<VmTable>) -> Result<Rc<Self>, PluginError> {
        let module = vms.runtime().module(config)?;
        let root = vms.start(config, &module)?;
        Ok(Rc::new(Self {
            callbacks: stream_callbacks(&module.module),
            stats: vms.runtime().stats().reloads(&config.name),
            config: config.clone(),
            settings: vms.runtime().settings().of_plugin(&config.name),
            module,
            vms: Rc::clone(vms),
            root: RefCell::new(root),
            last_load: Cell::new(Instant::now()),
            random: Random::default(),
            serves: Cell::new(false),
            generations: Cell::new(0),
            finishes: Cell::new(false),
        }))
    }

    /// Returns whether this is what a configuration with this module and these settings asks for.
    pub(super) fn is_made_of(
        &self,
        config: &PluginConfig,
        module: &Arc<LoadedModule>,
        settings: &Settings,
    ) -> bool {
        self.config == *config
            && Arc::ptr_eq(&self.module, module)
            && self.settings == settings.of_plugin(&config.name)
    }

    /// Says whether it belongs to the generation that is served: only then it ticks.
    pub(super) fn set_serving(&self, serves: bool) {
        self.serves.set(serves);
        let root = self.root.borrow();
        root.vm.set_serving(root.id, serves);
    }

    /// A generation that is served has it; its callouts go to that one's clusters.
    pub(super) fn join(&self, clusters: &Rc<ClusterManager>) {
        self.vms.clusters().set(clusters);
    }

    /// One generation more, or one less, has it. Returns how many have it now.
    pub(super) fn count_generation(&self, joins: bool) -> usize {
        let count = self.generations.get();
        let count = if joins {
            count + 1
        } else {
            count.saturating_sub(1)
        };
        self.generations.set(count);
        count
    }

    pub(super) fn config(&self) -> &PluginConfig {
        &self.config
    }

    /// Returns the filter of a stream, or `None` when the plugin has failed and its policy lets
    /// streams pass without it.
    #[must_use]
    pub(crate) fn create_filter(&self, state: &Rc<StreamState>) -> Option<Box<dyn HttpFilter>> {
        self.create_filter_at(state, Instant::now)
    }

    pub(super) fn create_filter_at(
        &self,
        state: &Rc<StreamState>,
        now: impl FnOnce() -> Instant,
    ) -> Option<Box<dyn HttpFilter>> {
        match self.readiness(now) {
            Readiness::Serves => {}
            Readiness::IsPassedBy => return None,
            Readiness::HasFailed => {
                return Some(Box::new(FailedFilter::new(Rc::clone(state))));
            }
        }
        let root = self.root.borrow();
        Some(Box::new(PluginFilter::new(
            Rc::clone(&root.vm),
            root.id,
            Rc::clone(state),
            self.callbacks,
            self.config.failure_policy,
        )))
    }

    /// Returns the filter of a connection at this place of its chain, or `None` when the plugin has
    /// failed and its policy lets connections pass without it.
    #[must_use]
    pub(crate) fn create_network_filter(
        &self,
        state: &Rc<ConnectionState>,
        index: usize,
    ) -> Option<Box<dyn NetworkFilter>> {
        match self.readiness(Instant::now) {
            Readiness::Serves => {}
            Readiness::IsPassedBy => return None,
            Readiness::HasFailed => return Some(Box::new(FailedNetworkFilter::new(state))),
        }
        let root = self.root.borrow();
        Some(Box::new(PluginNetworkFilter::new(
            Rc::clone(&root.vm),
            root.id,
            state,
            index,
            self.config.failure_policy,
        )))
    }

    fn readiness(&self, now: impl FnOnce() -> Instant) -> Readiness {
        if !self.root.borrow().vm.is_failed() {
            return Readiness::Serves;
        }
        match self.config.failure_policy {
            FailurePolicy::FailOpen | FailurePolicy::LegacyFailOpen => Readiness::IsPassedBy,
            FailurePolicy::FailReload if self.reload(now()) => Readiness::Serves,
            FailurePolicy::FailReload | FailurePolicy::FailClosed => Readiness::HasFailed,
        }
    }

    /// Tells the plugin, as an access logger, of a stream that has ended. One that has failed hears
    /// nothing until it is replaced.
    pub(crate) fn log(&self, state: &Rc<StreamState>) {
        let may_reload = self.config.failure_policy == FailurePolicy::FailReload;
        let has_failed = self.root.borrow().vm.is_failed();
        if has_failed && !(may_reload && self.reload(Instant::now())) {
            return;
        }
        let root = self.root.borrow().clone();
        let stream = StreamHost::new(Rc::clone(state), root.vm.facts());
        if let Err(fault) = root.vm.enter(|vm| vm.on_stream_log(root.id, stream)) {
            root.vm.note_fault(&fault);
        }
    }

    /// Replaces a VM that has failed, but not before the back-off has passed. Returns whether the
    /// plugin serves again.
    fn reload(&self, now: Instant) -> bool {
        if now.saturating_duration_since(self.last_load.get()) < self.backoff() {
            self.stats.backoff.inc();
            return false;
        }
        self.last_load.set(now);
        match self.vms.start(&self.config, &self.module) {
            Ok(root) => {
                self.stats.success.inc();
                tracing::info!(target: "wasm", plugin = %self.config.name, "plugin reloaded");
                root.vm.set_serving(root.id, self.serves.get());
                self.root.replace(root);
                true
            }
            Err(error) => {
                self.stats.failure.inc();
                tracing::error!(target: "wasm", %error, "plugin not reloaded");
                false
            }
        }
    }

    /// Between one and one and a half base intervals, so that workers do not reload in step.
    fn backoff(&self) -> Duration {
        let base = self.config.reload_config.base_interval;
        let half = u64::try_from((base / 2).as_nanos()).unwrap_or(u64::MAX);
        base + Duration::from_nanos(self.random.number() % half.saturating_add(1).max(1))
    }

    /// Returns whether the VM has failed and has not been replaced.
    #[cfg(test)]
    pub(super) fn has_failed(&self) -> bool {
        self.root.borrow().vm.is_failed()
    }

    /// Returns the number of contexts in the plugin's VM, roots included.
    #[cfg(test)]
    pub(super) fn context_count(&self) -> usize {
        self.root.borrow().vm.enter(|vm| vm.context_count())
    }

    /// Lets the plugin finish: no more streams will come.
    pub(super) fn shut_down(&self) {
        if self.finishes.replace(true) {
            return;
        }
        let root = self.root.borrow();
        root.vm.shut_down(root.id);
    }

    /// Returns whether it has finished after it was told to.
    pub(super) fn is_finished(&self) -> bool {
        let root = self.root.borrow();
        root.vm.is_finished(root.id)
    }
}

impl std::fmt::Debug for PluginHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHandle")
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}

fn stream_callbacks(module: &Module) -> StreamCallbacks {
    StreamCallbacks {
        request_body: module.has_callback("proxy_on_request_body"),
        request_trailers: module.has_callback("proxy_on_request_trailers"),
        response_headers: module.has_callback("proxy_on_response_headers"),
        response_body: module.has_callback("proxy_on_response_body"),
        response_trailers: module.has_callback("proxy_on_response_trailers"),
    }
}
