//! `VmKey`: what plugins must agree on to share a VM.

use std::collections::BTreeSet;

use bytes::Bytes;
use tollgate_config::{Isolation, LimitSettings, PluginConfig, Settings};

use super::runtime::LoadedModule;

/// Plugins with equal keys share a VM. Envoy leaves environment and capabilities out, and then
/// gives the second plugin those of the first; here each plugin gets what it was configured with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct VmKey {
    vm_id: String,
    /// Equal code is compiled once, and has one number.
    module: u64,
    configuration: Bytes,
    environment: Vec<(String, String)>,
    allowed_capabilities: Option<BTreeSet<String>>,
    pub(super) isolation: Isolation,
    limits: LimitSettings,
}

impl VmKey {
    pub(super) fn new(
        plugin: &PluginConfig,
        module: &LoadedModule,
        isolation: Isolation,
        settings: &Settings,
    ) -> Self {
        Self {
            vm_id: plugin.vm_config.vm_id.clone(),
            module: module.number,
            configuration: plugin.vm_config.configuration.clone(),
            environment: plugin.vm_config.environment.clone(),
            allowed_capabilities: plugin.allowed_capabilities.clone(),
            isolation,
            limits: settings.limits_of(&plugin.name),
        }
    }
}
