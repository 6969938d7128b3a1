//! `PluginConfig` and `VmConfig`: a Wasm plugin as Envoy's `envoy.extensions.wasm.v3` writes it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use crate::DataSource;

/// `envoy.extensions.wasm.v3.PluginConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginConfig {
    /// The plugin's name.
    pub name: String,
    /// Its root id.
    pub root_id: String,
    /// The VM it runs in.
    pub vm_config: VmConfig,
    /// The bytes the plugin gets: the text of a `StringValue`, the bytes of a `BytesValue`, the
    /// serialized message of anything else, as Envoy hands it over.
    pub configuration: Bytes,
    /// What happens to requests when the VM has failed.
    pub failure_policy: FailurePolicy,
    /// How a failed VM is replaced.
    pub reload_config: ReloadConfig,
    /// Whether `StopIteration` from a headers callback means just that.
    pub allow_on_headers_stop_iteration: bool,
    /// Host functions and callbacks the plugin may use; `None` for all.
    pub allowed_capabilities: Option<BTreeSet<String>>,
}

/// `envoy.extensions.wasm.v3.VmConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmConfig {
    /// Namespace of shared data and queues; plugins with equal `vm_id`, code and configuration
    /// share a VM.
    pub vm_id: String,
    /// The module.
    pub code: DataSource,
    /// The VM's configuration, read as the plugin's is.
    pub configuration: Bytes,
    /// Environment variables, host variables resolved, in the order of the file.
    pub environment: Vec<(String, String)>,
}

/// What happens to requests once a plugin's VM has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They are answered 503 (Envoy's default).
    FailClosed,
    /// They go on without the plugin.
    FailOpen,
    /// The VM is built anew; until then they are answered 503.
    FailReload,
    /// The deprecated `fail_open: true`: the crashing request goes on as well.
    LegacyFailOpen,
}

/// `reload_config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadConfig {
    /// Least time between two reloads; by default one second.
    pub base_interval: Duration,
}
