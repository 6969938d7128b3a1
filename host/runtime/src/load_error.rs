//! `LoadError`: why a module cannot serve, and what to do about it.

use std::borrow::Cow;
use std::fmt;

use tollgate_abi::AbiVersion;

use crate::Fault;

/// Why a module was refused, or a plugin in it did not start.
///
/// The texts say what is wrong and what to do: they are the operator's, not the guest's.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a WebAssembly module.
    Corrupt(String),
    /// No known ABI marker is exported.
    UnknownAbi {
        /// A marker-like export that names no known version.
        found: Option<String>,
    },
    /// An import that no host function answers.
    MissingImport {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// Why nothing answers it.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// A known import with another type.
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
    ImportKind {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// What is imported.
        kind: &'static str,
    },
    /// A callback with the wrong type.
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
    MissingMemory,
    /// No allocator.
    MissingAllocator,
    /// The compiler refused the module.
    Compile(String),
    /// The module cannot be instantiated, usually for lack of memory.
    Instantiate(String),
    /// All instances of snapshots that there may be are alive.
    TooManyInstances(String),
    /// A start function or a start-up callback did not complete.
    Fault(Fault),
    /// `proxy_on_vm_start` returned false.
    StartRefused {
        /// The plugin's name.
        plugin: String,
    },
    /// `proxy_on_configure` returned false.
    ConfigureRefused {
        /// The plugin's name.
        plugin: String,
    },
}

impl LoadError {
    /// Returns what is wrong and why, without what to do.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Corrupt(why) => format!("not a valid WebAssembly module: {why}"),
            Self::UnknownAbi { found: None } => "missing or unknown Proxy-Wasm ABI version: \
                 the module exports no function proxy_abi_version_0_x_y"
                .to_owned(),
            Self::UnknownAbi { found: Some(found) } => format!(
                "missing or unknown Proxy-Wasm ABI version: the module exports only {found}, \
                 which no host knows"
            ),
            Self::MissingImport {
                module, name, why, ..
            } => format!("missing import {module}.{name}: {why}"),
            Self::ImportType {
                module,
                name,
                found,
                want,
            } => format!(
                "import type mismatch: {module}.{name} is imported as {found}, \
                 but hosts provide {want}"
            ),
            Self::ImportKind { module, name, kind } => {
                format!("import {module}.{name} is a {kind}, which no Proxy-Wasm host provides")
            }
            Self::ExportType {
                name,
                found,
                want,
                abi,
            } => format!(
                "bad function signature for {name}: the module exports {found}, \
                 but ABI {abi} wants {want}"
            ),
            Self::MissingMemory => "the module neither exports nor imports a memory".to_owned(),
            Self::MissingAllocator => "the module exports neither malloc nor \
                 proxy_on_memory_allocate, so nothing can be returned to it"
                .to_owned(),
            Self::Compile(why) => format!("the module cannot be compiled: {why}"),
            Self::Instantiate(why) => format!("the module cannot be instantiated: {why}"),
            Self::TooManyInstances(why) => format!("too many streams have an instance: {why}"),
            Self::Fault(fault) => format!("the plugin crashed while starting: {fault:#}"),
            Self::StartRefused { plugin } => {
                format!("plugin {plugin:?} refused to start: proxy_on_vm_start returned false")
            }
            Self::ConfigureRefused { plugin } => format!(
                "plugin {plugin:?} refused its configuration: proxy_on_configure returned false"
            ),
        }
    }

    /// Returns what to do. A crash has none: its reason ends with the guest's stack.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'_, str>> {
        let remedy = match self {
            Self::Corrupt(_) => "give the .wasm file that the build wrote",
            Self::UnknownAbi { .. } => {
                "build it with a Proxy-Wasm SDK for ABI 0.1.0, 0.2.0 or 0.2.1"
            }
            Self::MissingImport { remedy, .. } => remedy,
            Self::ImportType { .. } => "rebuild the module with an SDK for its ABI version",
            Self::ImportKind { .. } => "link the module so that it defines its own",
            Self::ExportType { name, abi, .. } => {
                return Some(Cow::Owned(format!(
                    "give {name} the type of ABI {abi}, or export the marker of the ABI that the \
                     module is written for"
                )));
            }
            Self::MissingMemory => "export one (linkers do by default)",
            Self::MissingAllocator => "export one with type (i32) -> i32",
            Self::Compile(_) => {
                "build it for wasm32 without proposals that Envoy's engine lacks, such as threads"
            }
            Self::Instantiate(_) => "make its memory and tables smaller, or allow more of them",
            Self::TooManyInstances(_) => "allow more, or fewer streams at one time",
            Self::Fault(_) => return None,
            Self::StartRefused { .. } => "its log lines say why, usually the VM configuration",
            Self::ConfigureRefused { .. } => "its log lines say why",
        };
        Some(Cow::Borrowed(remedy))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Corrupt(_)
            | Self::UnknownAbi { .. }
            | Self::MissingImport { .. }
            | Self::ImportType { .. }
            | Self::ImportKind { .. }
            | Self::ExportType { .. }
            | Self::MissingMemory
            | Self::MissingAllocator
            | Self::Compile(_)
            | Self::Instantiate(_)
            | Self::TooManyInstances(_)
            | Self::StartRefused { .. }
            | Self::ConfigureRefused { .. } => None,
        }
    }
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
