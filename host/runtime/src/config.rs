//! What an embedder configures: a VM, its limits, and the plugins in it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::limits::{MAX_MEMORY_BYTES, MAX_PAIRS, MAX_PAIRS_BYTES};

/// A VM: what plugins that share it have in common.
#[derive(Clone, Debug, Default)]
pub struct VmConfig {
    /// Names the VM; shared data belongs to this name.
    pub vm_id: String,
    /// Readable by the guest at any time.
    pub configuration: Bytes,
    /// Environment variables, in the order the guest sees them.
    pub environment: Vec<(String, String)>,
    /// Names of the only hostcalls and callbacks allowed; `None` or an empty set allows all.
    pub allowed_capabilities: Option<BTreeSet<String>>,
    /// What the VM may use.
    pub limits: Limits,
    /// Whether what the guest is told is kept, so that a fault can be replayed: its details then
    /// have a recording. It costs time and memory, and keeps what clients send.
    pub is_recorded: bool,
    /// Whether what has ended is kept until [`Vm::take_finished`](crate::Vm::take_finished) is
    /// called. Has no effect together with `is_recorded`.
    pub keeps_finished: bool,
}

/// What a VM may use, the instances of its snapshots each for itself unless said otherwise. A guest
/// beyond a memory limit sees a failed growth, one beyond a deadline is stopped by a
/// [`Fault`](crate::Fault), and all else is refused with a status. Each time the embedder hears of it:
/// [`HostServices::limit_hit`](crate::HostServices::limit_hit).
///
/// The call stack's size is the engine's ([`EngineOptions`](crate::EngineOptions)); what a VM id may
/// store is that of [`SharedState`](crate::SharedState).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of linear memory; by default Envoy's 1 GiB, so that what runs there runs here.
    pub memory_bytes: usize,
    /// Most elements of a table.
    pub table_elements: usize,
    /// Most metrics that the guest may define, counting repeated definitions.
    pub metrics: usize,
    /// Most gRPC calls and streams of a plugin whose tokens are in use.
    pub grpc_callouts: usize,
    /// Most HTTP callouts without an answer, of all instances together.
    pub callouts: usize,
    /// Most entries that a guest may make a header map have; by default those that a guest can set
    /// at once.
    pub header_count: usize,
    /// Most bytes of names and values that a guest may make a header map have.
    pub header_bytes: usize,
    /// Most bytes that a guest may make a body, or a piece of TCP data, have.
    pub body_bytes: usize,
    /// Most log lines in a second, of all instances together. How many more there were is logged.
    pub log_lines_per_second: usize,
    /// Longest time for the start functions.
    pub start_deadline: Duration,
    /// Longest time for creating, starting and configuring a plugin, each.
    pub configure_deadline: Duration,
    /// Longest time for a callback of a stream.
    pub stream_deadline: Duration,
    /// Longest time for a tick or the end of a callout.
    pub tick_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: MAX_MEMORY_BYTES,
            table_elements: 1_000_000,
            metrics: 100_000,
            grpc_callouts: 10_000,
            callouts: 10_000,
            header_count: MAX_PAIRS,
            header_bytes: MAX_PAIRS_BYTES,
            body_bytes: 64 * 1024 * 1024,
            log_lines_per_second: 10_000,
            start_deadline: Duration::from_secs(5),
            configure_deadline: Duration::from_secs(5),
            stream_deadline: Duration::from_secs(1),
            tick_deadline: Duration::from_secs(1),
        }
    }
}

/// A plugin: one root context of a VM.
#[derive(Clone, Debug, Default)]
pub struct PluginConfig {
    /// Name for logs and faults.
    pub name: String,
    /// Chooses the plugin's code within the module.
    pub root_id: String,
    /// Readable by the guest while it is configured.
    pub configuration: Bytes,
    /// Whether a headers callback that returns "stop iteration" still gets the body meanwhile.
    pub allow_on_headers_stop_iteration: bool,
}
