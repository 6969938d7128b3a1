//! `Fault`: a guest call that did not complete.

use std::fmt;

/// Why a guest call did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktraceFrame {
    /// The function's name from the name section, or its index.
    pub function: String,
    /// Offset in the module's bytes, for a debugger or a symbolizer.
    pub module_offset: Option<usize>,
}

/// A guest call that did not complete. The VM it happened in is never entered again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The plugin's name; empty while the VM itself starts.
    pub plugin: String,
    /// The callback, by its export name.
    pub callback: &'static str,
    /// What kind of end it was.
    pub kind: FaultKind,
    /// The engine's words.
    pub message: String,
    /// The guest's stack, innermost first; empty unless the engine records it.
    pub backtrace: Vec<BacktraceFrame>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {} failed: {}", self.callback, self.message)?;
        if !self.plugin.is_empty() {
            write!(f, " (plugin {:?})", self.plugin)?;
        }
        if !self.backtrace.is_empty() {
            write!(f, "\nProxy-Wasm plugin in-VM backtrace:")?;
        }
        for (depth, frame) in self.backtrace.iter().enumerate() {
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
