//! Snapshots: the image of a configured VM, from which instances are made in microseconds.
//!
//! `wasmtime-wizer` writes the image back into the module, whose code stays the same byte for byte;
//! compiled, its memory is mapped copy-on-write into each instance.

mod error;
mod image;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use wasmtime::InstancePre;

pub use error::SnapshotError;
pub use image::Image;
pub(crate) use image::{Global, instrument};

use crate::host::HostServices;
use crate::module::shift;
use crate::vm::{Settings, VmState};
use crate::{LoadError, Module, Vm};

/// A configured VM as it was when [`Vm::snapshot`] was called, compiled. Clones share it, and it
/// can go to any thread.
///
/// ```
/// # use std::rc::Rc;
/// # use tollgate_runtime::{HostServices, LoadError, Snapshot, SnapshotError, Vm};
/// /// Once, with a VM in which every plugin is started. It lives on for ticks, queues and its
/// /// own callouts.
/// fn freeze(root_vm: &mut Vm) -> Result<Snapshot, SnapshotError> {
///     root_vm.snapshot()
/// }
///
/// /// For each stream. Its plugins have the `ContextId`s that `Vm::start_plugin` returned, no start
/// /// function or `proxy_on_configure` runs again, and to drop the `Vm` is to free all that the
/// /// stream has left in the guest.
/// fn begin_stream(snapshot: &Snapshot, services: Rc<dyn HostServices>) -> Result<Vm, LoadError> {
///     snapshot.instantiate(services)
/// }
/// ```
///
/// Numbers (context ids, callout tokens, metric ids) go on from those of the VM and are not given
/// to two instances; answers to a callout belong to the instance that sent it. What a guest asks
/// for its plugin (a tick period, a queue's notices) reaches `services`, whose business it is to
/// direct it to the root VM.
#[derive(Clone)]
pub struct Snapshot {
    base: Arc<Base>,
}

/// The compiled image.
pub(crate) struct Base {
    pub(crate) image: Image,
    pub(crate) linked: InstancePre<VmState>,
    pub(crate) settings: Settings,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("image", &self.base.image)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    fn compile(image: Image, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let compile = |error: wasmtime::Error| SnapshotError::Compile(format!("{error:#}"));
        let engine = image.module.engine();
        let module = wasmtime::Module::from_binary(engine.wasmtime(), bytes).map_err(compile)?;
        let abi = image.module.abi_version();
        let Some(linker) = engine.linker(abi) else {
            return Err(SnapshotError::Compile(format!(
                "no hostcalls for ABI {abi}"
            )));
        };
        let linked = linker.instantiate_pre(&module).map_err(compile)?;
        Ok(Self {
            base: Arc::new(Base {
                settings: Settings::new(
                    engine,
                    &image.common.config.limits,
                    shift(bytes, image.module.bytes()),
                ),
                image,
                linked,
            }),
        })
    }

    /// Makes an instance with the plugins of the snapshot's VM, under the same context ids.
    ///
    /// # Errors
    ///
    /// When there is not enough memory, or no room for one more instance.
    pub fn instantiate(&self, services: Rc<dyn HostServices>) -> Result<Vm, LoadError> {
        Vm::restore(&self.base, services)
    }

    /// Returns the module that the snapshot is of.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.base.image.module
    }
}
