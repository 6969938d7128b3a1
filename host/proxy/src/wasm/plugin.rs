//! `PluginHandle`: one plugin on one worker; makes its filters and replaces its VM when it may.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tollgate_config::{PluginConfig, PluginSettings, Settings};
use tollgate_runtime::{ContextId, LoadError, Module};

use super::error::PluginError;
use super::health::PluginHealth;
use super::http_filter::{FailedFilter, PluginFilter, StreamCallbacks};
use super::http_host::StreamHost;
use super::network_filter::{FailedNetworkFilter, PluginNetworkFilter};
use super::runtime::LoadedModule;
use super::stats::ReloadStats;
use super::stream_vm::StreamVm;
use super::stream_vms::StreamVms;
use super::vm_table::{Root, VmTable};
use crate::cluster::ClusterManager;
use crate::filter::{HttpFilter, StreamState};
use crate::network::{ConnectionState, NetworkFilter};
use crate::random::Random;
use crate::worker;

/// A plugin that serves on this worker.
pub(crate) struct PluginHandle {
    config: PluginConfig,
    settings: PluginSettings,
    module: Arc<LoadedModule>,
    callbacks: StreamCallbacks,
    reads_sent_headers: bool,
    vms: Rc<VmTable>,
    root: RefCell<Root>,
    health: Rc<PluginHealth>,
    /// Its VM could not be replaced the last time.
    load_failed: Cell<bool>,
    /// When a replacement of its VM may be tried that no stream asks for, or any after one that has
    /// not worked.
    next_attempt: Cell<Option<Instant>>,
    /// The task that replaces its VM.
    recovery: OnceCell<AbortHandle>,
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
    /// It is served here, below this root.
    Serves(StreamVm, ContextId),
    /// It has failed, and its policy lets everything pass.
    IsPassedBy,
    /// It has failed, and its policy lets nothing pass.
    HasFailed,
}

impl PluginHandle {
    pub(super) fn start(config: &PluginConfig, vms: &Rc<VmTable>) -> Result<Rc<Self>, PluginError> {
        let module = vms.runtime().module(config)?;
        let health = Rc::new(PluginHealth::new(config, vms));
        let root = vms.start(config, &module, &health)?;
        root.vm.prepare_instances();
        let plugin = Rc::new(Self {
            callbacks: stream_callbacks(&module.module),
            reads_sent_headers: reads_sent_headers(&module.module),
            stats: vms.stats().reloads(&config.name),
            config: config.clone(),
            settings: vms.runtime().settings().of_plugin(&config.name),
            module,
            vms: Rc::clone(vms),
            root: RefCell::new(root),
            health,
            load_failed: Cell::new(false),
            next_attempt: Cell::new(None),
            recovery: OnceCell::new(),
            random: Random::default(),
            serves: Cell::new(false),
            generations: Cell::new(0),
            finishes: Cell::new(false),
        });
        let recovery = recover(Rc::downgrade(&plugin), Rc::clone(plugin.health.vm_failed()));
        let task = worker::spawn(recovery).abort_handle();
        plugin.recovery.get_or_init(|| task);
        Ok(plugin)
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

    /// Returns whether it may read headers of a stream after they were sent.
    #[must_use]
    pub(crate) fn reads_sent_headers(&self) -> bool {
        self.reads_sent_headers
    }

    /// Returns the filter of a stream, or `None` when the plugin has failed and its policy lets
    /// streams pass without it. `vms` are the stream's own.
    #[must_use]
    pub(crate) fn create_filter(
        &self,
        state: &Rc<StreamState>,
        vms: &mut StreamVms,
    ) -> Option<Box<dyn HttpFilter>> {
        self.create_filter_at(state, vms, state.info.start)
    }

    pub(super) fn create_filter_at(
        &self,
        state: &Rc<StreamState>,
        vms: &mut StreamVms,
        now: Instant,
    ) -> Option<Box<dyn HttpFilter>> {
        match self.readiness(vms, now) {
            Readiness::Serves(vm, root) => Some(Box::new(PluginFilter::new(
                (vm, root),
                Rc::clone(state),
                self.callbacks,
                Rc::clone(&self.health),
            ))),
            Readiness::IsPassedBy => None,
            Readiness::HasFailed => Some(Box::new(FailedFilter::new(Rc::clone(state)))),
        }
    }

    /// Returns the filter of a connection at this place of its chain, or `None` when the plugin has
    /// failed and its policy lets connections pass without it. `vms` are the connection's own.
    #[must_use]
    pub(crate) fn create_network_filter(
        &self,
        state: &Rc<ConnectionState>,
        vms: &mut StreamVms,
        index: usize,
    ) -> Option<Box<dyn NetworkFilter>> {
        match self.readiness(vms, state.stream.info.start) {
            Readiness::Serves(vm, root) => Some(Box::new(PluginNetworkFilter::new(
                (vm, root),
                state,
                index,
                Rc::clone(&self.health),
            ))),
            Readiness::IsPassedBy => None,
            Readiness::HasFailed => Some(Box::new(FailedNetworkFilter::new(state))),
        }
    }

    fn readiness(&self, vms: &mut StreamVms, now: Instant) -> Readiness {
        if self.health.admits(now) && (self.is_there(now) || self.has_instances()) {
            let root = self.root.borrow();
            match vms.of(&root.vm) {
                Ok(vm) => return Readiness::Serves(vm, root.id),
                Err(error) => self.refuse(&error),
            }
        }
        if self.health.lets_pass() {
            Readiness::IsPassedBy
        } else {
            Readiness::HasFailed
        }
    }

    /// Says that a stream gets no instance, such as when all that may exist do.
    fn refuse(&self, error: &LoadError) {
        self.vms.stats().instance_refused();
        tracing::warn!(target: "wasm", plugin = %self.config.name, %error, "no instance for a stream");
    }

    /// Tells the plugin, as an access logger, of a stream that has ended. One that cannot be
    /// replaced hears nothing.
    pub(crate) fn log(&self, state: &Rc<StreamState>) {
        if self.is_there(Instant::now()) {
            let root = self.root.borrow().clone();
            let stream = StreamHost::new(Rc::clone(state), root.vm.facts());
            root.vm.log(root.id, stream);
        }
    }

    /// Returns whether the plugin has a VM, after making a new one if that has failed: at once, for
    /// nothing is gained by waiting, unless that did not work the last time.
    fn is_there(&self, now: Instant) -> bool {
        if !self.root.borrow().vm.is_failed() {
            return true;
        }
        if self.load_failed.get() && self.waits(now).is_some() {
            self.stats.backoff.inc();
            return false;
        }
        self.replace(now)
    }

    /// Returns whether streams can be served although the VM has failed and cannot be replaced: in
    /// instances of what it was.
    fn has_instances(&self) -> bool {
        self.root.borrow().vm.has_instances()
    }

    /// Returns how long nobody may try to replace the VM without need.
    fn waits(&self, now: Instant) -> Option<Duration> {
        let wait = self.next_attempt.get()?.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Makes a new VM. Returns whether that has worked.
    fn replace(&self, now: Instant) -> bool {
        self.next_attempt.set(Some(now + self.backoff()));
        let started = self.vms.start(&self.config, &self.module, &self.health);
        self.load_failed.set(started.is_err());
        match started {
            Ok(root) => {
                self.stats.success.inc();
                root.vm.set_serving(root.id, self.serves.get());
                root.vm.prepare_instances();
                tracing::info!(target: "wasm", plugin = %self.config.name, "plugin reloaded");
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

    /// Replaces the VM if it has failed, without a stream that asks for it. Returns how long to wait
    /// before that, if it was replaced only now: what crashes at once again would spin.
    fn recover(&self) -> Option<Duration> {
        if self.finishes.get() || !self.root.borrow().vm.is_failed() {
            return None;
        }
        let now = Instant::now();
        if self.waits(now).is_none() && self.replace(now) {
            return None;
        }
        self.waits(now)
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

    #[cfg(test)]
    pub(super) fn root_id(&self) -> ContextId {
        self.root.borrow().id
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

impl Drop for PluginHandle {
    fn drop(&mut self) {
        if let Some(recovery) = self.recovery.get() {
            recovery.abort();
        }
    }
}

/// Replaces a plugin's VM whenever it has failed, so that ticks and queues go on without streams.
async fn recover(plugin: Weak<PluginHandle>, vm_failed: Rc<Notify>) {
    loop {
        vm_failed.notified().await;
        loop {
            let Some(plugin) = plugin.upgrade() else {
                return;
            };
            let Some(wait) = plugin.recover() else { break };
            drop(plugin);
            tokio::time::sleep(wait).await;
        }
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
        nothing_more: module.needs_only_request_headers(),
    }
}

/// Returns whether a module may read headers that were sent. Their maps are closed by then, but a
/// log sees them, and attributes tell of them.
fn reads_sent_headers(module: &Module) -> bool {
    let callbacks = ["proxy_on_log", "proxy_on_done"];
    let hostcalls = ["proxy_get_property", "proxy_call_foreign_function"];
    callbacks.iter().any(|name| module.has_callback(name))
        || hostcalls.iter().any(|name| module.has_import(name))
}
