//! `VmTable`: the VMs of a worker, shared by plugins that agree on what they run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use tollgate_config::{PluginConfig, ProtoMessage, Settings};
use tollgate_runtime::{self as runtime, ContextId, LoadError, Vm};

use super::current_clusters::CurrentClusters;
use super::error::PluginError;
use super::limits::limits;
use super::properties::ProxyFacts;
use super::runtime::{LoadedModule, WasmRuntime};
use super::services::WorkerServices;
use super::vm::WorkerVm;
use crate::cluster::ClusterManager;

/// Plugins with equal keys share a VM. Envoy leaves environment and capabilities out, and then
/// gives the second plugin those of the first; here each plugin gets what it was configured with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct VmKey {
    vm_id: String,
    /// Equal code is compiled once, and has one number.
    module: u64,
    configuration: Bytes,
    environment: Vec<(String, String)>,
    allowed_capabilities: Option<std::collections::BTreeSet<String>>,
}

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
    vms: RefCell<HashMap<VmKey, Weak<WorkerVm>>>,
}

impl VmTable {
    pub(super) fn new(
        runtime: Arc<WasmRuntime>,
        clusters: &Rc<ClusterManager>,
        node: &ProtoMessage,
    ) -> Rc<Self> {
        let clusters = CurrentClusters::new(clusters);
        let facts = ProxyFacts::new(node, Some(Rc::clone(&clusters)));
        Rc::new(Self {
            runtime,
            clusters,
            facts: Rc::new(facts),
            vms: RefCell::default(),
        })
    }

    pub(super) fn runtime(&self) -> &WasmRuntime {
        &self.runtime
    }

    /// Returns where its VMs call out to.
    pub(super) fn clusters(&self) -> &CurrentClusters {
        &self.clusters
    }

    /// Starts a plugin in the VM that serves its key, or in a new one if that has failed.
    pub(super) fn start(
        &self,
        plugin: &PluginConfig,
        module: &Arc<LoadedModule>,
    ) -> Result<Root, PluginError> {
        let refuse = |source| PluginError::load(plugin, source);
        let vm = self.vm(plugin, module).map_err(refuse)?;
        let id = vm
            .enter(|vm| vm.start_plugin(plugin_config(plugin)))
            .map_err(refuse)?;
        Ok(Root { vm, id })
    }

    fn vm(
        &self,
        plugin: &PluginConfig,
        module: &Arc<LoadedModule>,
    ) -> Result<Rc<WorkerVm>, LoadError> {
        let key = VmKey {
            vm_id: plugin.vm_config.vm_id.clone(),
            module: module.number,
            configuration: plugin.vm_config.configuration.clone(),
            environment: plugin.vm_config.environment.clone(),
            allowed_capabilities: plugin.allowed_capabilities.clone(),
        };
        let known = self.vms.borrow().get(&key).and_then(Weak::upgrade);
        if let Some(vm) = known.filter(|vm| !vm.is_failed()) {
            return Ok(vm);
        }
        let services = WorkerServices::new(Rc::clone(&self.clusters), Rc::clone(&self.facts));
        let shared = Arc::clone(self.runtime.shared_state());
        let host = Rc::clone(&services);
        let config = vm_config(plugin, &self.runtime.settings());
        let vm = Vm::new(&module.module, config, shared, host)?;
        let vm = WorkerVm::new(vm, services, &self.runtime);
        self.vms.borrow_mut().insert(key, Rc::downgrade(&vm));
        Ok(vm)
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
    }
}

/// Returns the plugin's own part as the runtime takes it.
pub(super) fn plugin_config(plugin: &PluginConfig) -> runtime::PluginConfig {
    runtime::PluginConfig {
        name: plugin.name.clone(),
        root_id: plugin.root_id.clone(),
        configuration: plugin.configuration.clone(),
        allow_on_headers_stop_iteration: plugin.allow_on_headers_stop_iteration,
    }
}
