//! The canary: plugins started once on the main thread, before any worker relies on them.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tollgate_config::{Bootstrap, Isolation, PluginConfig};
use tollgate_runtime::abi::LogLevel;
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcService, GrpcStream, HostServices, HttpCall,
    LoadError, LogOrigin, PropertyResult, SourceFrame, Symbols, Vm, culprit,
};

use super::base::BaseSnapshot;
use super::error::PluginError;
use super::grpc;
use super::properties::{self, ProxyFacts};
use super::runtime::{LoadedModule, WasmRuntime};
use super::services::{refusal, to_callout};
use super::vm_key::VmKey;
use super::vm_table::{to_runtime, vm_config};
use super::{clock, isolation, log};
use crate::callout::GrpcCalloutError;

/// Starts and configures all plugins of a configuration in VMs that are thrown away, without a
/// farewell, as Envoy does. Plugins that share a VM on the workers share one here, in which they
/// start in the same order. Returns the snapshots of those VMs whose streams are to have instances
/// of their own.
pub(super) fn check(
    runtime: &Arc<WasmRuntime>,
    bootstrap: &Bootstrap,
) -> Result<Vec<Arc<BaseSnapshot>>, PluginError> {
    let settings = runtime.settings();
    let services = Rc::new(CanaryServices {
        clusters: bootstrap
            .clusters
            .iter()
            .map(|cluster| cluster.name.clone())
            .collect(),
        facts: ProxyFacts::new(&bootstrap.node.message, None),
    });
    let mut canaries: Vec<Canary> = Vec::new();
    let is_elsewhere = |plugin: &PluginConfig| {
        let mut services = bootstrap.wasm_services.iter();
        services.any(|service| service.singleton && service.plugin == *plugin)
    };
    // No worker has services that are there once: they are in no VM with others.
    let (alone, of_workers): (Vec<_>, Vec<_>) = bootstrap.plugins().partition(|p| is_elsewhere(p));
    for plugin in alone {
        let module = runtime.module(plugin)?;
        let key = VmKey::new(plugin, &module, Isolation::Worker, &settings);
        Canary::new(runtime, plugin, (key, module), &services)?.start(runtime, plugin)?;
    }
    for plugin in of_workers {
        let module = runtime.module(plugin)?;
        isolation::warn_of_obstacle(plugin, &module);
        let isolation = isolation::choose(&settings, plugin, &module)?;
        let key = VmKey::new(plugin, &module, isolation, &settings);
        match canaries.iter_mut().find(|canary| canary.key == key) {
            Some(canary) => canary.start(runtime, plugin)?,
            None => {
                let mut canary = Canary::new(runtime, plugin, (key, module), &services)?;
                canary.start(runtime, plugin)?;
                canaries.push(canary);
            }
        }
    }
    let snapshots = canaries.into_iter().map(|canary| canary.snapshot(runtime));
    Ok(snapshots
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// A VM that is thrown away, with the plugins in it.
struct Canary {
    key: VmKey,
    module: Arc<LoadedModule>,
    vm: Vm,
    plugins: Vec<PluginConfig>,
}

impl Canary {
    fn new(
        runtime: &Arc<WasmRuntime>,
        plugin: &PluginConfig,
        (key, module): (VmKey, Arc<LoadedModule>),
        services: &Rc<CanaryServices>,
    ) -> Result<Self, PluginError> {
        let config = vm_config(plugin, &runtime.settings());
        let shared = Arc::clone(runtime.shared_state());
        let vm = Vm::new(&module.module, config, shared, Rc::clone(services) as _);
        let vm = vm.map_err(|source| refusal_of(runtime, plugin, &module, source))?;
        Ok(Self {
            vm,
            key,
            module,
            plugins: Vec::new(),
        })
    }

    fn start(&mut self, runtime: &WasmRuntime, plugin: &PluginConfig) -> Result<(), PluginError> {
        if self.plugins.contains(plugin) {
            return Ok(());
        }
        let started = self.vm.start_plugin(to_runtime(plugin));
        started.map_err(|source| refusal_of(runtime, plugin, &self.module, source))?;
        self.plugins.push(plugin.clone());
        Ok(())
    }

    /// Takes a snapshot, if streams need it. A module that cannot have one says so by its error,
    /// unless it was its own wish: then it runs as in Envoy.
    fn snapshot(
        mut self,
        runtime: &Arc<WasmRuntime>,
    ) -> Result<Option<Arc<BaseSnapshot>>, PluginError> {
        if self.key.isolation != Isolation::Stream {
            return Ok(None);
        }
        match self.vm.snapshot() {
            Ok(snapshot) => {
                for hazard in snapshot.report().hazards() {
                    let plugins = self.plugins.iter().map(|plugin| plugin.name.as_str());
                    let plugin = plugins.collect::<Vec<_>>().join(", ");
                    tracing::warn!(
                        target: "wasm", plugin, "{hazard}: it is the same in every stream"
                    );
                }
                runtime.count_snapshot();
                let base = runtime.bases().add(self.key, snapshot);
                Ok(Some(base))
            }
            Err(error) => {
                self.module.without_snapshot.get_or_init(|| error);
                for plugin in &self.plugins {
                    isolation::warn_of_obstacle(plugin, &self.module);
                    isolation::choose(&runtime.settings(), plugin, &self.module)?;
                }
                Ok(None)
            }
        }
    }
}

/// Says why a plugin does not start, and where it crashed. The fault is kept like any other.
fn refusal_of(
    runtime: &WasmRuntime,
    plugin: &PluginConfig,
    module: &LoadedModule,
    source: LoadError,
) -> PluginError {
    let LoadError::Fault(fault) = &source else {
        return PluginError::load(plugin, source);
    };
    let mut known = fault.clone();
    if known.plugin.is_empty() {
        // The VM has no plugin yet.
        known.plugin.clone_from(&plugin.name);
    }
    let faults = runtime.faults();
    faults.record(&known, &module.module, SystemTime::now(), || None);
    // No request waits here, so that the reason may say at once where it is.
    let frames = Symbols::new(module.module.bytes()).resolve(&fault.details.backtrace);
    let place = culprit(&frames).and_then(SourceFrame::place);
    let error = PluginError::load(plugin, source);
    match place {
        Some(place) => error.at(&place),
        None => error,
    }
}

/// Services without time to wait: the VM is gone before a timer fires or an answer arrives.
struct CanaryServices {
    clusters: HashSet<String>,
    facts: ProxyFacts,
}

impl CanaryServices {
    fn check_grpc(&self, service: &GrpcService) -> Result<(), CalloutRefusal> {
        if self.has_cluster(&service.cluster) {
            Ok(())
        } else {
            Err(grpc::refusal(&GrpcCalloutError::UnknownCluster))
        }
    }
}

impl HostServices for CanaryServices {
    fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        log::write(origin, level, message);
    }

    fn log_level(&self) -> Option<LogLevel> {
        log::level()
    }

    fn realtime_nanos(&self) -> u64 {
        clock::realtime_nanos()
    }

    fn monotonic_nanos(&self) -> u64 {
        clock::monotonic_nanos()
    }

    fn fill_random(&self, out: &mut [u8]) {
        clock::fill_random(out);
    }

    fn set_tick_period(&self, _root: ContextId, _period: Option<Duration>) {}

    fn start_http_call(
        &self,
        _root: ContextId,
        _token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        to_callout(call)
            .check(|name| self.clusters.contains(name))
            .map_err(|error| refusal(&error))
    }

    fn has_cluster(&self, name: &str) -> bool {
        self.clusters.contains(name)
    }

    fn start_grpc_call(
        &self,
        _root: ContextId,
        _token: u32,
        call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        self.check_grpc(&call.service)
    }

    fn start_grpc_stream(
        &self,
        _root: ContextId,
        _token: u32,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        self.check_grpc(&stream.service)
    }

    fn send_grpc_message(
        &self,
        _token: u32,
        _message: Bytes,
        _end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        Ok(())
    }

    fn resolve_dns(
        &self,
        _root: ContextId,
        _token: u32,
        _name: &str,
    ) -> Result<(), CalloutRefusal> {
        Ok(())
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::root_property(&self.facts, path)
    }
}
