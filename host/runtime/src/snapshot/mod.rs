//! Snapshots: the image of a configured VM, from which instances are made in microseconds.
//!
//! `wasmtime-wizer` writes the image back into the module, whose code stays the same byte for byte;
//! compiled, its memory is mapped copy-on-write into each instance.

mod base;
mod delta;
mod error;
mod image;
mod report;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) use base::Base;
pub use delta::Delta;
pub(crate) use delta::{PAGE, changed_runs};
pub use error::SnapshotError;
pub use image::Image;
pub(crate) use image::{Global, Plugins, instrument};
pub use report::{SnapshotReport, StartRead, StartReadKind};

use crate::host::HostServices;
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
    changes: Option<Arc<Delta>>,
}

/// Pages that take about as long to copy as a snapshot takes to compile, 60 ms.
const WORN_PAGES: u64 = 200_000;

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("image", &self.base.image)
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    fn new(base: Base) -> Self {
        Self {
            base: Arc::new(base),
            changes: None,
        }
    }

    /// Makes an instance with the plugins of the snapshot's VM, under the same context ids.
    ///
    /// # Errors
    ///
    /// When there is not enough memory, when there are as many instances as
    /// [`EngineOptions::stream_instances`](crate::EngineOptions::stream_instances) allows, or when
    /// the guest's `tollgate_on_restore` does not complete.
    pub fn instantiate(&self, services: Rc<dyn HostServices>) -> Result<Vm, LoadError> {
        self.count_copied_pages();
        let statistics = Rc::clone(&services);
        let instance = Vm::restore(&self.base, self.changes.as_deref(), services);
        if let Err(LoadError::TooManyInstances(_)) = &instance {
            statistics.limit_hit("stream_instances");
        }
        instance
    }

    /// Makes an instance that was [rewound](Vm::rewind) what a new one is. Returns `false` when it
    /// is not one of this snapshot; it is of no more use then.
    ///
    /// # Errors
    ///
    /// As [`instantiate`](Self::instantiate). The instance is of no more use.
    pub fn begin_again(&self, instance: &mut Vm) -> Result<bool, LoadError> {
        let is_mine = |base| Arc::ptr_eq(base, &self.base);
        if !instance.base().is_some_and(is_mine) {
            return Ok(false);
        }
        self.count_copied_pages();
        instance.begin(self.changes.as_deref())?;
        Ok(true)
    }

    fn count_copied_pages(&self) {
        let changes = self.changes.as_deref();
        if let Some(delta) = changes.filter(|delta| !delta.runs.is_empty()) {
            let pages = u64::try_from(delta.page_count()).unwrap_or(u64::MAX);
            self.base.copied_pages.fetch_add(pages, Ordering::Relaxed);
        }
    }

    /// Returns this snapshot with what its VM has changed since: later instances begin with it.
    /// `changes` take the place of those that the snapshot had before, for they too were counted
    /// from the compiled image.
    ///
    /// This is for the end of each root callback (tick, queue, answer to a root's callout):
    ///
    /// ```
    /// # use tollgate_runtime::{ContextId, Fault, Snapshot, Vm};
    /// fn tick(root_vm: &mut Vm, root: ContextId, current: &mut Snapshot) -> Result<(), Fault> {
    ///     root_vm.on_tick(root)?;
    ///     if let Ok(changes) = root_vm.changes_since(current) {
    ///         *current = current.with_changes(changes);
    ///     }
    ///     if current.is_worn() {
    ///         // `root_vm.capture()` here, `Image::compile` on another thread; its snapshot takes
    ///         // the place of `current`, after `changes_since` it have been added.
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn with_changes(&self, changes: Delta) -> Self {
        Self {
            base: Arc::clone(&self.base),
            changes: Some(Arc::new(changes)),
        }
    }

    /// Returns whether applying deltas has cost about as much as a new snapshot: the time to
    /// compile one. However often a plugin changes its memory, the two costs stay in balance, and
    /// without streams there is none.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        self.base.copied_pages.load(Ordering::Relaxed) >= WORN_PAGES
    }

    /// Returns what the guest did while it was started that every instance shares.
    #[must_use]
    pub fn report(&self) -> &SnapshotReport {
        &self.base.image.report
    }

    pub(crate) fn image(&self) -> &Image {
        &self.base.image
    }

    /// Returns the module that the snapshot is of.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.base.image.module
    }
}
