//! `VmTable`: the VMs of a worker, shared by plugins that agree on what they run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollgate_config::{Isolation, PluginConfig, ProtoMessage, Settings};
use tollgate_runtime::{self as runtime, ContextId, LoadError, Vm};

use super::current_clusters::CurrentClusters;
use super::error::PluginError;
use super::health::PluginHealth;
use super::instances::InstanceSource;
use super::isolation;
use super::limits::limits;
use super::properties::ProxyFacts;
use super::runtime::{LoadedModule, WasmRuntime};
use super::services::{SharedServices, WorkerServices};
use super::state_watch::StateWatch;
use super::stats::WasmStats;
use super::vm::WorkerVm;
use super::vm_key::VmKey;
use crate::cluster::ClusterManager;
use crate::telemetry::Stats;

/// A plugin's root context and the VM it lives in.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) vm: Rc<WorkerVm>,
    pub(super) id: ContextId,
}

/// The VMs of one worker.
pub(super) struct VmTable {
    runtime: Arc<WasmRuntime>,
    clusters: Rc<CurrentClusters>,
    facts: Rc<ProxyFacts>,
    stats: WasmStats,
    faults: Arc<AtomicU64>,
    vms: RefCell<HashMap<VmKey, Weak<WorkerVm>>>,
}

impl VmTable {
    pub(super) fn new(
        runtime: Arc<WasmRuntime>,
        clusters: &Rc<ClusterManager>,
        node: &ProtoMessage,
        stats: &Stats,
        faults: &Arc<AtomicU64>,
    ) -> Rc<Self> {
        let clusters = CurrentClusters::new(clusters);
        let facts = ProxyFacts::new(node, Some(Rc::clone(&clusters)));
        Rc::new(Self {
            runtime,
            clusters,
            facts: Rc::new(facts),
            stats: WasmStats::new(stats),
            faults: Arc::clone(faults),
            vms: RefCell::default(),
        })
    }

    pub(super) fn runtime(&self) -> &Arc<WasmRuntime> {
        &self.runtime
    }

    /// Returns where its VMs call out to.
    pub(super) fn clusters(&self) -> &CurrentClusters {
        &self.clusters
    }

    /// Returns what counts the faults of its plugins.
    pub(super) const fn faults(&self) -> &Arc<AtomicU64> {
        &self.faults
    }

    pub(super) const fn stats(&self) -> &WasmStats {
        &self.stats
    }

    /// Starts a plugin in the VM that serves its key. If that has failed, all its plugins start in
    /// a new one, in the same order, so that they find each other as before.
    pub(super) fn start(
        &self,
        plugin: &PluginConfig,
        module: &Arc<LoadedModule>,
        health: &Rc<PluginHealth>,
    ) -> Result<Root, PluginError> {
        let settings = self.runtime.settings();
        let isolation = isolation::choose(&settings, plugin, module)?;
        let key = VmKey::new(plugin, module, isolation, &settings);
        let known = self.vms.borrow().get(&key).and_then(Weak::upgrade);
        let vm = match known {
            Some(vm) if !vm.is_failed() => vm,
            failed => {
                let vm = self.create(&key, plugin, module);
                let vm = vm.map_err(|source| PluginError::load(plugin, source))?;
                if let Some(failed) = failed {
                    vm.succeed(&failed);
                }
                self.vms.borrow_mut().insert(key, Rc::downgrade(&vm));
                vm
            }
        };
        vm.services().shared().add_health(health);
        let id = vm.start(plugin)?;
        Ok(Root { vm, id })
    }

    fn create(
        &self,
        key: &VmKey,
        plugin: &PluginConfig,
        module: &Arc<LoadedModule>,
    ) -> Result<Rc<WorkerVm>, LoadError> {
        let settings = self.runtime.settings();
        let limits = settings.limits_of(&plugin.name);
        let (runtime, clusters, facts) = (&self.runtime, &self.clusters, &self.facts);
        let shared = SharedServices::new(runtime, clusters, facts, &limits, &self.stats);
        if settings.diagnosis.warn_on_kept_state == Some(true) {
            shared.watch_state(StateWatch::new(runtime.state_checks(), key.isolation));
        }
        let services = WorkerServices::new(&shared);
        let config = vm_config(plugin, &settings);
        let shared = Arc::clone(self.runtime.shared_state());
        let vm = Vm::new(&module.module, config, shared, Rc::clone(&services) as _)?;
        let instances = (key.isolation == Isolation::Stream)
            .then(|| InstanceSource::new(&self.runtime, key, &self.stats));
        Ok(WorkerVm::new(
            vm,
            services,
            instances,
            self.stats.vm_created(),
        ))
    }
}

impl fmt::Debug for VmTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VmTable")
            .field("vms", &self.vms.borrow().len())
            .finish_non_exhaustive()
    }
}

/// Returns the VM part of a plugin's configuration as the runtime takes it.
pub(super) fn vm_config(plugin: &PluginConfig, settings: &Settings) -> runtime::VmConfig {
    runtime::VmConfig {
        vm_id: plugin.vm_config.vm_id.clone(),
        configuration: plugin.vm_config.configuration.clone(),
        environment: plugin.vm_config.environment.clone(),
        allowed_capabilities: plugin.allowed_capabilities.clone(),
        limits: limits(&settings.limits_of(&plugin.name)),
        is_recorded: settings.diagnosis.bundles.is_some(),
        keeps_finished: settings.diagnosis.warn_on_kept_state == Some(true),
    }
}

/// Returns the plugin's own part as the runtime takes it.
pub(super) fn to_runtime(plugin: &PluginConfig) -> runtime::PluginConfig {
    runtime::PluginConfig {
        name: plugin.name.clone(),
        root_id: plugin.root_id.clone(),
        configuration: plugin.configuration.clone(),
        allow_on_headers_stop_iteration: plugin.allow_on_headers_stop_iteration,
    }
}
