//! `Image`: the state of a configured VM, copied out of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wasmtime::Val;
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use super::base::Base;
use super::{Snapshot, SnapshotReport};
use crate::context::RootImage;
use crate::imports::Gate;
use crate::record::RecordedStart;
use crate::shared::MetricTable;
use crate::vm::Common;
use crate::{ContextId, Module, SnapshotError};

/// The state of a configured VM at one moment, made by [`Vm::capture`](crate::Vm::capture). It can
/// go to another thread to be compiled.
pub struct Image {
    pub(crate) module: Module,
    pub(crate) common: Arc<Common>,
    pub(crate) gate: Gate,
    pub(crate) plugins: Plugins,
    pub(crate) memory: Vec<u8>,
    /// Values of the mutable globals, by the names under which they are exported.
    pub(crate) globals: Vec<(String, Global)>,
    pub(crate) report: SnapshotReport,
    /// What the VM was told while it started, if it is recorded.
    pub(crate) start_steps: Option<RecordedStart>,
}

/// What the host knows of a VM's plugins.
#[derive(Debug)]
pub(crate) struct Plugins {
    pub(crate) roots: Vec<(ContextId, RootImage)>,
    pub(crate) metrics: MetricTable,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("roots", &self.plugins.roots.len())
            .field("memory_bytes", &self.memory.len())
            .finish_non_exhaustive()
    }
}

/// The value of a mutable global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Global {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl Global {
    /// Returns the value, or `None` for a reference.
    pub(crate) fn of(value: &Val) -> Option<Self> {
        Some(match value {
            Val::I32(value) => Self::I32(*value),
            Val::I64(value) => Self::I64(*value),
            Val::F32(bits) => Self::F32(*bits),
            Val::F64(bits) => Self::F64(*bits),
            Val::V128(value) => Self::V128(value.as_u128()),
            Val::FuncRef(_)
            | Val::ExternRef(_)
            | Val::AnyRef(_)
            | Val::ExnRef(_)
            | Val::ContRef(_) => return None,
        })
    }
}

impl From<Global> for Val {
    fn from(value: Global) -> Self {
        match value {
            Global::I32(value) => Self::I32(value),
            Global::I64(value) => Self::I64(value),
            Global::F32(bits) => Self::F32(bits),
            Global::F64(bits) => Self::F64(bits),
            Global::V128(value) => Self::V128(value.into()),
        }
    }
}

impl From<Global> for SnapshotVal {
    fn from(value: Global) -> Self {
        match value {
            Global::I32(value) => Self::I32(value),
            Global::I64(value) => Self::I64(value),
            Global::F32(bits) => Self::F32(bits),
            Global::F64(bits) => Self::F64(bits),
            Global::V128(value) => Self::V128(value),
        }
    }
}

impl Image {
    /// Returns what the guest did while it was started that every instance will share.
    #[must_use]
    pub const fn report(&self) -> &SnapshotReport {
        &self.report
    }

    /// Compiles the image to a snapshot. With the engine's cache warm, which it is once the module
    /// has been compiled in this process, that takes a tenth of the module's time.
    ///
    /// # Errors
    ///
    /// When the module cannot be rewritten or compiled.
    pub fn compile(self) -> Result<Snapshot, SnapshotError> {
        let unsupported = |error: wasmtime::Error| SnapshotError::Unsupported(format!("{error:#}"));
        let bytes = self.rewritten().map_err(unsupported)?;
        // Instances need the exports of an instrumented module too: deltas set their globals.
        let bytes = instrument(&bytes).map_err(unsupported)?;
        Ok(Snapshot::new(Base::compile(self, &bytes)?))
    }

    /// Returns the module with the image as its initial state.
    fn rewritten(&self) -> Result<Vec<u8>, wasmtime::Error> {
        let wizer = wizer();
        guarded(|| {
            let (context, _) = wizer.instrument(self.module.bytes())?;
            let mut state = State(self);
            let snapshot = pin!(wizer.snapshot(&context, &mut state));
            match snapshot.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(bytes) => bytes,
                Poll::Pending => wasmtime::bail!("the image was not there at once"),
            }
        })
    }
}

/// Returns a module whose memory and mutable globals are exported, so that they can be captured.
pub(crate) fn instrument(bytes: &[u8]) -> Result<Vec<u8>, wasmtime::Error> {
    guarded(|| Ok(wizer().instrument(bytes)?.1))
}

/// `_initialize` goes, for it has run; all other exports stay.
fn wizer() -> Wizer {
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    wizer
}

/// The library holds what it does not support for impossible; a module may be hostile.
fn guarded<T>(work: impl FnOnce() -> Result<T, wasmtime::Error>) -> Result<T, wasmtime::Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(wasmtime::format_err!("it is too unusual")))
}

struct State<'a>(&'a Image);

impl InstanceState for State<'_> {
    async fn global_get(&mut self, name: &str, kind: ValType) -> SnapshotVal {
        let found = self.0.globals.iter().find(|(global, _)| global == name);
        // All are there: both lists are of the same module.
        found.map_or_else(|| zero(kind), |(_, value)| (*value).into())
    }

    async fn memory_contents(&mut self, _name: &str, contents: impl FnOnce(&[u8]) + Send) {
        contents(&self.0.memory);
    }
}

const fn zero(kind: ValType) -> SnapshotVal {
    match kind {
        ValType::I64 => SnapshotVal::I64(0),
        ValType::F32 => SnapshotVal::F32(0),
        ValType::F64 => SnapshotVal::F64(0),
        ValType::V128 => SnapshotVal::V128(0),
        ValType::I32 | ValType::Ref(_) => SnapshotVal::I32(0),
    }
}
