//! `Base`: a compiled image, and where in it is what each instance needs.

use std::sync::atomic::AtomicU64;

use wasmtime::{InstancePre, ModuleExport};

use super::Image;
use crate::module::{MemorySource, shift};
use crate::vm::{Callback, Exports, Settings, VmState, allocator};
use crate::{Engine, Module, SnapshotError};

/// A compiled image.
pub(crate) struct Base {
    pub(crate) image: Image,
    pub(crate) linked: InstancePre<VmState>,
    pub(crate) settings: Settings,
    pub(crate) exports: Exports,
    pub(crate) allocator: Option<Callback<u32, u32>>,
    pub(crate) memory: ModuleExport,
    /// The mutable globals, in the order of the image's.
    pub(crate) globals: Vec<ModuleExport>,
    /// How many pages of deltas instances of this image have copied.
    pub(super) copied_pages: AtomicU64,
}

impl Base {
    /// Compiles an image that was written into its module, whose `bytes` these are.
    pub(super) fn compile(image: Image, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let module = &image.module;
        let linked = link(module, bytes)?;
        let compiled = linked.module();
        let export = |name: &str| {
            let lost = || SnapshotError::Unsupported(format!("its export {name} is lost"));
            compiled.get_export_index(name).ok_or_else(lost)
        };
        let config = &image.common.config;
        let code_shift = shift(bytes, module.bytes());
        Ok(Self {
            settings: Settings::new(module.engine(), &config.limits, code_shift),
            exports: Exports::find(module, compiled, config.allowed_capabilities.as_ref()),
            allocator: allocator(module, compiled),
            memory: export(match &module.checked().memory {
                MemorySource::Exported(name) => name,
                MemorySource::Imported => "",
            })?,
            globals: image
                .globals
                .iter()
                .map(|(name, _)| export(name))
                .collect::<Result<_, _>>()?,
            copied_pages: AtomicU64::new(0),
            linked,
            image,
        })
    }
}

/// Compiles for the pool; what does not fit into it is compiled to be made anew each time.
fn link(module: &Module, bytes: &[u8]) -> Result<InstancePre<VmState>, SnapshotError> {
    let engine = module.engine();
    link_in_pool(engine, module, bytes)
        .unwrap_or_else(|| {
            let compiled = wasmtime::Module::from_binary(engine.wasmtime(), bytes)?;
            let abi = module.abi_version();
            let Some(linker) = engine.linker(abi) else {
                wasmtime::bail!("no hostcalls for ABI {abi}");
            };
            linker.instantiate_pre(&compiled)
        })
        .map_err(|error| SnapshotError::Compile(format!("{error:#}")))
}

fn link_in_pool(
    engine: &Engine,
    module: &Module,
    bytes: &[u8],
) -> Option<Result<InstancePre<VmState>, wasmtime::Error>> {
    let streams = engine.streams()?;
    let compiled = wasmtime::Module::from_binary(&streams.engine, bytes).ok()?;
    let linker = streams.linker(module.abi_version())?;
    Some(linker.instantiate_pre(&compiled))
}
