//! `Fault`: a guest call that did not complete.

use std::fmt;
use std::sync::Arc;

use crate::{ContextId, Recording};

/// Why a guest call did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The guest trapped: a panic, a bad access, a hostcall that is not allowed now.
    Trap,
    /// The callback ran longer than its deadline.
    Deadline,
    /// The guest trapped after more memory was refused to it.
    Memory,
    /// An earlier fault has ended this VM; the guest was not entered.
    VmFailed,
    /// The embedder named a context that this VM does not have.
    UnknownContext,
}

impl FaultKind {
    /// Returns a short name for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::VmFailed => "vm_failed",
            Self::UnknownContext => "unknown_context",
        }
    }
}

/// One frame of a guest's stack.
///
/// The function's index and the offset in it are the same in every copy of a module that keeps its
/// code, such as a snapshot; [`Symbols`](crate::Symbols) turns them into file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktraceFrame {
    /// The function's name from the name section, demangled, or its index.
    pub function: String,
    /// The function's index in the module.
    pub function_index: u32,
    /// Offset of the instruction from the beginning of its function.
    pub function_offset: Option<usize>,
    /// Offset of the instruction in the module as it was given.
    pub module_offset: Option<usize>,
}

/// One of the last hostcalls before a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostcallRecord {
    /// Its name.
    pub name: &'static str,
    /// The first three words of its arguments, decoded with the guest's memory as it is at the
    /// fault: what the guest has overwritten since reads as it is now.
    pub arguments: String,
    /// What the guest was told: a status, an errno, or that the call did not return.
    pub outcome: String,
    /// Whether it was made in a callback before the one that did not complete.
    pub is_earlier: bool,
}

/// What a fault leaves behind, for who looks for its cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultDetails {
    /// The `x-request-id` of the stream that the guest acted for.
    pub request_id: Option<String>,
    /// The guest's stack, innermost first; empty unless the engine records it.
    pub backtrace: Vec<BacktraceFrame>,
    /// The VM's last hostcalls, oldest first.
    pub hostcalls: Vec<HostcallRecord>,
    /// The last line of the callback that was logged as error or critical, or written to standard
    /// error: where SDKs report panics.
    pub last_words: Option<String>,
    /// What the guest was told, if the VM was recorded.
    pub recording: Option<Arc<Recording>>,
}

/// A guest call that did not complete. The VM it happened in is never entered again.
///
/// Displays as one line; the alternate form `{:#}` adds the guest's stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The plugin's name; empty while the VM itself starts.
    pub plugin: String,
    /// The callback, by its export name.
    pub callback: &'static str,
    /// The context whose callback it was; 0 while the VM itself starts.
    pub context: ContextId,
    /// What kind of end it was.
    pub kind: FaultKind,
    /// The engine's words.
    pub message: String,
    /// What it leaves behind.
    pub details: Box<FaultDetails>,
}

impl Fault {
    /// Returns a fault that leaves nothing behind, as the guest was not entered.
    pub(crate) fn without_details(
        plugin: String,
        callback: &'static str,
        context: ContextId,
        (kind, message): (FaultKind, String),
    ) -> Self {
        Self {
            plugin,
            callback,
            context,
            kind,
            message,
            details: Box::default(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {} failed: {}", self.callback, self.message)?;
        if !self.plugin.is_empty() {
            write!(f, " (plugin {:?}", self.plugin)?;
            if let Some(id) = &self.details.request_id {
                write!(f, ", request {id:?}")?;
            }
            write!(f, ")")?;
        }
        if let Some(words) = &self.details.last_words {
            write!(f, ": {}", words.escape_debug())?;
        }
        if !f.alternate() || self.details.backtrace.is_empty() {
            return Ok(());
        }
        write!(f, "\nProxy-Wasm plugin in-VM backtrace:")?;
        for (depth, frame) in self.details.backtrace.iter().enumerate() {
            write!(f, "\n  {depth}: ")?;
            if let Some(offset) = frame.module_offset {
                write!(f, "{offset:#x} - ")?;
            }
            write!(f, "{}", frame.function)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
