//! `Recording`: the steps that led to a fault, with what they happened in.

use std::sync::Arc;

use super::step::{Kind, Step};
use crate::VmConfig;

/// What a guest was told up to its fault. A [`CrashBundle`](crate::CrashBundle) makes a file of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    pub(super) start: Arc<Vec<Step>>,
    pub(super) own: Vec<Step>,
    pub(super) head: RequestHead,
    /// Whether something else has happened to the guest, of which nothing is here: other streams
    /// in its VM, or callbacks of its root after it was configured.
    pub(super) has_changed: bool,
    pub(super) vm: VmPart,
}

impl Recording {
    pub(crate) fn in_vm(mut self, config: &VmConfig, plugins: Vec<PluginPart>) -> Self {
        self.vm = VmPart {
            vm_id: config.vm_id.clone(),
            configuration: config.configuration.to_vec(),
            environment: config
                .environment
                .iter()
                .map(|(name, value)| Pair::new(name.as_bytes(), value.as_bytes()))
                .collect(),
            allowed_capabilities: config
                .allowed_capabilities
                .iter()
                .flatten()
                .cloned()
                .collect(),
            memory_bytes: config.limits.memory_bytes as u64,
            table_elements: config.limits.table_elements as u64,
            plugins,
        };
        self
    }

    /// Returns how many hostcalls are in it.
    #[must_use]
    pub fn hostcalls(&self) -> usize {
        let steps = self.start.iter().chain(&self.own);
        steps
            .filter(|step| matches!(step.kind, Some(Kind::Hostcall(_))))
            .count()
    }
}

/// A name and a value.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Pair {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

impl Pair {
    fn new(name: &[u8], value: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            value: value.to_vec(),
        }
    }
}

/// A request's headers as the plugin's first callback met them.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RequestHead {
    #[prost(message, repeated, tag = "1")]
    pub(crate) headers: Vec<Pair>,
}

impl RequestHead {
    pub(super) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.headers.push(Pair::new(name, value));
    }
}

/// How a VM was configured, as far as it tells the guest or ends it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct VmPart {
    #[prost(string, tag = "1")]
    pub(crate) vm_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) configuration: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) environment: Vec<Pair>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) allowed_capabilities: Vec<String>,
    #[prost(uint64, tag = "5")]
    pub(crate) memory_bytes: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) table_elements: u64,
    #[prost(message, repeated, tag = "7")]
    pub(crate) plugins: Vec<PluginPart>,
}

/// How a plugin was configured.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct PluginPart {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) root_id: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) configuration: Vec<u8>,
}
