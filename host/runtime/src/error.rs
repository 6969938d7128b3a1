//! `LoadError`, why a module cannot serve, and `Fault`, a guest call that did not complete.

use std::fmt;

use tollgate_abi::AbiVersion;

/// Why a module was refused, or a plugin in it did not start.
///
/// The texts say what is wrong and what to do: they are the operator's, not the guest's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a WebAssembly module.
    #[error("not a valid WebAssembly module: {0}")]
    Corrupt(String),
    /// No known ABI marker is exported.
    #[error(
        "missing or unknown Proxy-Wasm ABI version: the module exports {}; \
         build it with a Proxy-Wasm SDK for ABI 0.1.0, 0.2.0 or 0.2.1",
        found.as_deref().map_or_else(
            || "no function proxy_abi_version_0_x_y".to_owned(),
            |marker| format!("only {marker}, which no host knows"),
        )
    )]
    UnknownAbi {
        /// A marker-like export that names no known version.
        found: Option<String>,
    },
    /// An import that no host function answers.
    #[error("missing import {module}.{name}: {advice}")]
    MissingImport {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// Where it could come from, and what to do.
        advice: String,
    },
    /// A known import with another type.
    #[error(
        "import type mismatch: {module}.{name} is imported as {found}, but hosts provide {want}; \
         rebuild the module with an SDK for its ABI version"
    )]
    ImportType {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// The type in the module.
        found: String,
        /// The type of the host function.
        want: String,
    },
    /// An imported global or tag.
    #[error(
        "import {module}.{name} is a {kind}, which no Proxy-Wasm host provides; \
         link the module so that it defines its own"
    )]
    ImportKind {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// What is imported.
        kind: &'static str,
    },
    /// A callback with the wrong type.
    #[error(
        "bad function signature for {name}: the module exports {found}, \
         but ABI {abi} wants {want}"
    )]
    ExportType {
        /// The export.
        name: &'static str,
        /// The type in the module.
        found: String,
        /// The type of the callback in this ABI.
        want: String,
        /// The ABI of the module.
        abi: AbiVersion,
    },
    /// No memory that the host could address.
    #[error("the module neither exports nor imports a memory; export one (linkers do by default)")]
    MissingMemory,
    /// No allocator.
    #[error(
        "the module exports neither malloc nor proxy_on_memory_allocate, so nothing can be \
         returned to it; export one with type (i32) -> i32"
    )]
    MissingAllocator,
    /// The compiler refused the module.
    #[error("the module cannot be compiled: {0}")]
    Compile(String),
    /// The module cannot be instantiated, usually for lack of memory.
    #[error("the module cannot be instantiated: {0}")]
    Instantiate(String),
    /// A start function or a start-up callback did not complete.
    #[error("the plugin crashed while starting: {0}")]
    Fault(#[from] Fault),
    /// `proxy_on_vm_start` returned false.
    #[error(
        "plugin {plugin:?} refused to start: proxy_on_vm_start returned false; \
         its log lines say why, usually the VM configuration"
    )]
    StartRefused {
        /// The plugin's name.
        plugin: String,
    },
    /// `proxy_on_configure` returned false.
    #[error(
        "plugin {plugin:?} refused its configuration: proxy_on_configure returned false; \
         its log lines say why"
    )]
    ConfigureRefused {
        /// The plugin's name.
        plugin: String,
    },
}

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
