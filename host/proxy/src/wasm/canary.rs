//! The canary: a plugin started once on the main thread, before any worker relies on it.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tollgate_config::{Bootstrap, PluginConfig};
use tollgate_runtime::abi::LogLevel;
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcService, GrpcStream, HostServices, HttpCall,
    LoadError, LogOrigin, PropertyResult, Vm,
};

use super::error::PluginError;
use super::grpc;
use super::properties::{self, ProxyFacts};
use super::runtime::WasmRuntime;
use super::services::{refusal, to_callout};
use super::vm_table::{plugin_config, vm_config};
use super::{clock, log};
use crate::callout::GrpcCalloutError;

/// Starts and configures a plugin in a VM of its own and throws the VM away, without a farewell,
/// as Envoy does.
pub(super) fn check(
    runtime: &Arc<WasmRuntime>,
    plugin: &PluginConfig,
    bootstrap: &Bootstrap,
) -> Result<(), PluginError> {
    let loaded = runtime.module(plugin)?;
    let services = Rc::new(CanaryServices {
        clusters: bootstrap
            .clusters
            .iter()
            .map(|cluster| cluster.name.clone())
            .collect(),
        facts: ProxyFacts::new(&bootstrap.node.message, None),
    });
    let started = Vm::new(
        &loaded.module,
        vm_config(plugin, &runtime.settings()),
        Arc::clone(runtime.shared_state()),
        services,
    )
    .and_then(|mut vm| vm.start_plugin(plugin_config(plugin)));
    if let Err(LoadError::Fault(fault)) = &started {
        let now = SystemTime::now();
        runtime.faults().record(fault, &loaded.module, now);
    }
    started
        .map(drop)
        .map_err(|source| PluginError::load(plugin, source))
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
