//! Engine: the compiler's settings, the clock of deadlines, and one linker per ABI version.

mod capabilities;
mod code_cache;
mod options;
mod streams;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tollgate_abi::AbiVersion;
use wasmtime::{Config, Linker};

pub use capabilities::Capabilities;
pub use options::{EngineError, EngineOptions};

use code_cache::CodeCache;
use streams::{Pool, Streams};

use crate::hostcalls;
use crate::pages::PageMap;
use crate::vm::VmState;

/// Most frames of a backtrace, as in Envoy.
const MAX_BACKTRACE_FRAMES: usize = 20;

/// Largest memory of a snapshot that is mapped copy-on-write even if most of it is zeros.
const MAX_IMAGE_BYTES: u64 = 256 * 1024 * 1024;

/// Compiles modules and links them with the hostcalls. One per process; clones share it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

type Linkers = Vec<(AbiVersion, Linker<VmState>)>;

struct Shared {
    engine: wasmtime::Engine,
    linkers: Linkers,
    /// Of both engines.
    settings: Config,
    /// Made with the first snapshot; `None` when there is no pool to be had.
    streams: OnceLock<Option<Streams>>,
    /// Tells what instances have written; `None` where nothing does.
    page_map: OnceLock<Option<PageMap>>,
    epoch_interval: Duration,
    count_fuel: bool,
    wanted: Pool,
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
    /// When this machine cannot run compiled WebAssembly, or not with these options.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are made for one engine"
    )]
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        options.check()?;
        let settings = compiler_settings(&options)?;
        let engine = wasmtime::Engine::new(&settings)?;
        Ok(Self {
            shared: Arc::new(Shared {
                linkers: linkers(&engine)?,
                engine,
                settings,
                streams: OnceLock::new(),
                page_map: OnceLock::new(),
                epoch_interval: options.epoch_interval,
                count_fuel: options.count_fuel,
                wanted: Pool {
                    instances: options.stream_instances,
                    scans_pages: options.pagemap_scan,
                },
            }),
        })
    }

    /// Returns what this machine offers to stream isolation. The pool is made for it.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let pool = self.streams().map(|streams| streams.pool);
        Capabilities {
            pool_instances: pool.map(|pool| pool.instances),
            pagemap_scan: self.page_map().is_some(),
            copy_on_write: cfg!(target_os = "linux"),
        }
    }

    /// Moves the clock of deadlines on by one interval. Safe to call from any thread.
    pub fn increment_epoch(&self) {
        self.shared.engine.increment_epoch();
        if let Some(Some(streams)) = self.shared.streams.get() {
            streams.engine.increment_epoch();
        }
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.shared.engine
    }

    pub(crate) fn counts_fuel(&self) -> bool {
        self.shared.count_fuel
    }

    pub(crate) fn linker(&self, abi: AbiVersion) -> Option<&Linker<VmState>> {
        linker(&self.shared.linkers, abi)
    }

    /// Returns the engine that has the pool.
    pub(crate) fn streams(&self) -> Option<&Streams> {
        let shared = &self.shared;
        shared
            .streams
            .get_or_init(|| Streams::new(&shared.settings, shared.wanted))
            .as_ref()
    }

    /// Returns what tells which pages an instance has written, if something does.
    pub(crate) fn page_map(&self) -> Option<&PageMap> {
        let shared = &self.shared;
        let open = || shared.wanted.scans_pages.then(PageMap::open).flatten();
        shared.page_map.get_or_init(open).as_ref()
    }

    /// Returns how many ticks of the epoch a deadline lasts: never fewer than it asks for.
    pub(crate) fn ticks(&self, deadline: Duration) -> u64 {
        let interval = self.shared.epoch_interval.as_nanos().max(1);
        u64::try_from(deadline.as_nanos().div_ceil(interval))
            .unwrap_or(u64::MAX / 2)
            .saturating_add(1)
    }
}

fn linkers(engine: &wasmtime::Engine) -> Result<Linkers, wasmtime::Error> {
    AbiVersion::ALL
        .iter()
        .map(|abi| Ok((*abi, hostcalls::linker(engine, *abi)?)))
        .collect()
}

fn linker(linkers: &Linkers, abi: AbiVersion) -> Option<&Linker<VmState>> {
    let mut linkers = linkers.iter();
    linkers
        .find(|(version, _)| *version == abi)
        .map(|(_, linker)| linker)
}

fn compiler_settings(options: &EngineOptions) -> Result<Config, EngineError> {
    let frames = NonZeroUsize::new(MAX_BACKTRACE_FRAMES).filter(|_| options.wasm_backtrace);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(options.count_fuel)
        .max_wasm_stack(options.stack_bytes)
        .wasm_backtrace_max_frames(frames)
        .coredump_on_trap(options.coredumps)
        // Reading DWARF costs ten milliseconds a trap: a crashing plugin would be an attack.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .concurrency_support(false)
        .memory_guaranteed_dense_image_size(MAX_IMAGE_BYTES)
        .cache(options.cache()?);
    if options.code_cache_bytes > 0 {
        let cache = Arc::new(CodeCache::new(options.code_cache_bytes));
        config.enable_incremental_compilation(cache)?;
    }
    Ok(config)
}
