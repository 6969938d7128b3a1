//! Modules: read, checked against the ABI they are written for, and compiled.
//!
//! A module that Envoy would refuse is refused here too, before it is compiled, with a message
//! that says what to do.

mod binary;
mod callbacks;
mod check;
mod isolation;
mod obstacle;
mod results;
mod signature;
mod stream_end;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tollgate_abi::AbiVersion;
use wasmtime::InstancePre;

use binary::code_start;
pub(crate) use binary::{Binary, ExportItem, ImportItem, Item};
pub(crate) use callbacks::{CALLBACKS, ON_REQUEST, ON_RESTORE};
pub(crate) use check::{Checked, MemorySource, abi_version, check, refusals};
pub use isolation::{Isolation, UnknownIsolation};
pub(crate) use signature::{Signature, Type};

use crate::snapshot::instrument;
use crate::vm::VmState;
use crate::{Engine, LoadError, SnapshotError};

static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// A checked and compiled module, from which any number of [`Vm`](crate::Vm)s are made. Clones
/// share it.
#[derive(Clone)]
pub struct Module {
    shared: Arc<Shared>,
}

struct Shared {
    serial: u64,
    engine: Engine,
    module: wasmtime::Module,
    checked: Checked,
    /// The module as it was given.
    bytes: Bytes,
    isolation: Option<Isolation>,
    ends_silently: bool,
    offers_results: bool,
    obstacle: Option<SnapshotError>,
    /// What added to an offset in the compiled bytes gives the one in `bytes`.
    code_shift: isize,
    /// Export names of the mutable globals; empty with an obstacle.
    mutable_globals: Vec<String>,
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
    /// What is compiled also exports the mutable globals, for [`Vm::snapshot`](crate::Vm::snapshot),
    /// unless there is a [`snapshot_obstacle`](Self::snapshot_obstacle); the code is the same.
    ///
    /// # Errors
    ///
    /// When the bytes are not a module of a known ABI version, when an import or callback is not
    /// what that version says, when there is no memory or allocator, or when the compiler refuses
    /// the code.
    pub fn new(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let binary = Binary::parse(bytes)?;
        let checked = check(&binary)?;
        let instrumented = instrumented(bytes);
        let compile = |bytes| wasmtime::Module::from_binary(engine.wasmtime(), bytes);
        let compiled = instrumented.as_deref().unwrap_or(bytes);
        // Compiled again when it fails: the message then has the offsets of the given bytes.
        let module = compile(compiled)
            .map_err(|error| compile(bytes).err().unwrap_or(error))
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
                serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
                engine,
                mutable_globals: mutable_globals(&module),
                module,
                checked,
                code_shift: shift(compiled, bytes),
                bytes: Bytes::copy_from_slice(bytes),
                isolation: declared_isolation(&binary),
                ends_silently: binary.ends_silently,
                offers_results: binary.offers_results,
                obstacle: instrumented.err(),
                linked,
            }),
        })
    }

    /// Returns a number that no other module of this process has or will have; clones share it.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.shared.serial
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

    /// Returns whether the module imports a hostcall, by its import name.
    #[must_use]
    pub fn has_import(&self, name: &str) -> bool {
        let mut imports = self.shared.module.imports();
        imports.any(|import| import.name() == name)
    }

    /// Returns the isolation that the module says it is made for, in its custom section
    /// `tollgate_isolation`.
    #[must_use]
    pub fn declared_isolation(&self) -> Option<Isolation> {
        self.shared.isolation
    }

    /// Returns why no snapshot can be taken of a VM of this module, so that
    /// [`Isolation::Stream`] is not for it.
    #[must_use]
    pub fn snapshot_obstacle(&self) -> Option<&SnapshotError> {
        self.shared.obstacle.as_ref()
    }

    /// Returns the module as it was given.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.shared.bytes
    }

    pub(crate) fn code_shift(&self) -> isize {
        self.shared.code_shift
    }

    /// Whether this is the other one, and not one that was compiled apart from it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn mutable_globals(&self) -> &[String] {
        &self.shared.mutable_globals
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

/// Returns what to add to an offset of code in one form of a module to get it in another.
pub(crate) fn shift(from: &[u8], to: &[u8]) -> isize {
    code_start(to)
        .cast_signed()
        .wrapping_sub(code_start(from).cast_signed())
}

/// Returns the module with what a snapshot needs, or why there can be none of it.
fn instrumented(bytes: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    match obstacle::find(bytes) {
        Some(obstacle) => Err(obstacle),
        None => instrument(bytes).map_err(|error| SnapshotError::Unsupported(format!("{error:#}"))),
    }
}

/// Returns why no snapshot can be taken of VMs of a module.
pub(crate) fn snapshot_obstacle(bytes: &[u8]) -> Option<SnapshotError> {
    instrumented(bytes).err()
}

/// Names under which the instrumented module exports its mutable globals.
fn mutable_globals(module: &wasmtime::Module) -> Vec<String> {
    let names = module.exports().map(|export| export.name());
    names
        .filter(|name| name.starts_with("__wizer_global_"))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn declared_isolation(binary: &Binary) -> Option<Isolation> {
    let declared = binary.isolation.as_deref()?.parse();
    declared
        .inspect_err(|error| tracing::warn!(%error, "section {} is ignored", isolation::SECTION))
        .ok()
}
