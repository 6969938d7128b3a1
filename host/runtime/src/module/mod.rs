//! Modules: read, checked against the ABI they are written for, and compiled.
//!
//! A module that Envoy would refuse is refused here too, before it is compiled, with a message
//! that says what to do.

mod binary;
mod callbacks;
mod check;
mod signature;

use std::fmt;
use std::sync::Arc;

use tollgate_abi::AbiVersion;
use wasmtime::InstancePre;

pub(crate) use binary::{Binary, ExportItem, ImportItem, Item};
pub(crate) use callbacks::CALLBACKS;
pub(crate) use check::{Checked, MemorySource, abi_version, check, refusals};
pub(crate) use signature::{Signature, Type};

use crate::vm::VmState;
use crate::{Engine, LoadError};

/// A checked and compiled module, from which any number of [`Vm`](crate::Vm)s are made. Clones
/// share it.
#[derive(Clone)]
pub struct Module {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    module: wasmtime::Module,
    checked: Checked,
    /// Absent when the module imports its memory or a table, which each VM must then make.
    linked: Option<InstancePre<VmState>>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("abi", &self.shared.checked.abi)
            .finish_non_exhaustive()
    }
}

impl Module {
    /// Checks and compiles a module.
    ///
    /// # Errors
    ///
    /// When the bytes are not a module of a known ABI version, when an import or callback is not
    /// what that version says, when there is no memory or allocator, or when the compiler refuses
    /// the code.
    pub fn new(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let checked = check(&Binary::parse(bytes)?)?;
        let module = wasmtime::Module::from_binary(engine.wasmtime(), bytes)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let linked = match engine.linker(checked.abi) {
            Some(linker) if !checked.imports_storage => Some(
                linker
                    .instantiate_pre(&module)
                    .map_err(|error| LoadError::Instantiate(format!("{error:#}")))?,
            ),
            _ => None,
        };
        let engine = engine.clone();
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                module,
                checked,
                linked,
            }),
        })
    }

    /// Returns the ABI version the module is written for.
    #[must_use]
    pub fn abi_version(&self) -> AbiVersion {
        self.shared.checked.abi
    }

    /// Returns whether the module exports a callback, by its export name.
    #[must_use]
    pub fn has_callback(&self, name: &str) -> bool {
        self.shared.checked.callbacks.contains(&name)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Module {
        &self.shared.module
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.shared.checked
    }

    pub(crate) fn linked(&self) -> Option<&InstancePre<VmState>> {
        self.shared.linked.as_ref()
    }
}
