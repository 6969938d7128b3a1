//! Engine: the compiler's settings, the clock of deadlines, and one linker per ABI version.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tollgate_abi::AbiVersion;
use wasmtime::{Config, Linker};

use crate::hostcalls;
use crate::vm::VmState;

/// Most frames of a backtrace, as in Envoy.
const MAX_BACKTRACE_FRAMES: usize = 20;

/// How an [`Engine`] is set up.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How often the embedder calls [`Engine::increment_epoch`]: the grain of all deadlines.
    pub epoch_interval: Duration,
    /// Whether a [`Fault`](crate::Fault) carries the guest's stack, with function names.
    pub wasm_backtrace: bool,
    /// Whether [`Vm::fuel_consumed`](crate::Vm::fuel_consumed) counts instructions. For tests: the
    /// code is somewhat slower.
    pub count_fuel: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            epoch_interval: Duration::from_millis(10),
            wasm_backtrace: true,
            count_fuel: false,
        }
    }
}

/// The engine cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the wasm engine cannot start: {reason}")]
pub struct EngineError {
    reason: String,
}

impl From<wasmtime::Error> for EngineError {
    fn from(error: wasmtime::Error) -> Self {
        Self {
            reason: format!("{error:#}"),
        }
    }
}

/// Compiles modules and links them with the hostcalls. One per process; clones share it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    engine: wasmtime::Engine,
    linkers: Vec<(AbiVersion, Linker<VmState>)>,
    epoch_interval: Duration,
    count_fuel: bool,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("epoch_interval", &self.shared.epoch_interval)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Returns an engine.
    ///
    /// # Errors
    ///
    /// When this machine cannot run compiled WebAssembly.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let EngineOptions {
            epoch_interval,
            wasm_backtrace,
            count_fuel,
        } = options;
        let mut settings = compiler_settings(wasm_backtrace);
        settings.consume_fuel(count_fuel);
        let engine = wasmtime::Engine::new(&settings)?;
        let linkers = AbiVersion::ALL
            .iter()
            .map(|abi| Ok((*abi, hostcalls::linker(&engine, *abi)?)))
            .collect::<Result<_, wasmtime::Error>>()?;
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                linkers,
                epoch_interval,
                count_fuel,
            }),
        })
    }

    /// Moves the clock of deadlines on by one interval. Safe to call from any thread.
    pub fn increment_epoch(&self) {
        self.shared.engine.increment_epoch();
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.shared.engine
    }

    pub(crate) fn counts_fuel(&self) -> bool {
        self.shared.count_fuel
    }

    pub(crate) fn linker(&self, abi: AbiVersion) -> Option<&Linker<VmState>> {
        self.shared
            .linkers
            .iter()
            .find(|(version, _)| *version == abi)
            .map(|(_, linker)| linker)
    }

    /// Returns how many ticks of the epoch a deadline lasts: never fewer than it asks for.
    pub(crate) fn ticks(&self, deadline: Duration) -> u64 {
        let interval = self.shared.epoch_interval.as_nanos().max(1);
        u64::try_from(deadline.as_nanos().div_ceil(interval))
            .unwrap_or(u64::MAX / 2)
            .saturating_add(1)
    }
}

fn compiler_settings(wasm_backtrace: bool) -> Config {
    let frames = NonZeroUsize::new(MAX_BACKTRACE_FRAMES).filter(|_| wasm_backtrace);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_backtrace_max_frames(frames)
        // Reading DWARF costs ten milliseconds a trap: a crashing plugin would be an attack.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .concurrency_support(false);
    config
}
