//! `EngineOptions`: how an engine is set up.

use std::path::PathBuf;
use std::time::Duration;

use wasmtime::{Cache, CacheConfig};

/// Largest stack that can be asked for: threads have 2 MiB, of which hostcalls need some.
const MAX_STACK: usize = 1024 * 1024;

/// How an [`Engine`](crate::Engine) is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How often the embedder calls [`Engine::increment_epoch`](crate::Engine::increment_epoch):
    /// the grain of all deadlines.
    pub epoch_interval: Duration,
    /// Whether a [`Fault`](crate::Fault) carries the guest's stack, with function names.
    pub wasm_backtrace: bool,
    /// Whether a fault leaves what [`Vm::coredump`](crate::Vm::coredump) returns.
    pub coredumps: bool,
    /// Whether [`Vm::fuel_consumed`](crate::Vm::fuel_consumed) counts instructions. For tests: the
    /// code is somewhat slower.
    pub count_fuel: bool,
    /// Most bytes of a guest's call stack, at most 1 MiB. One that needs more traps.
    pub stack_bytes: usize,
    /// Most instances of snapshots that exist at one time. Each takes 4 GiB of addresses, and
    /// memory only for what it changes; where there are not enough addresses there are fewer, or
    /// no pool. 0 does without.
    pub stream_instances: u32,
    /// Whether instances are reset by the kernel's word of what they have changed, where it gives
    /// it (`PAGEMAP_SCAN`, Linux 6.7); otherwise by copying more.
    pub pagemap_scan: bool,
    /// Most bytes of compiled functions that are kept so that a snapshot, whose code is its
    /// module's, compiles in a fraction of the time. 0 keeps none.
    pub code_cache_bytes: usize,
    /// Absolute path of a directory in which compiled modules are kept from one process to the
    /// next. Whoever can write to it decides what runs.
    pub cache_dir: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            epoch_interval: Duration::from_millis(10),
            wasm_backtrace: true,
            coredumps: false,
            count_fuel: false,
            stack_bytes: 512 * 1024,
            stream_instances: 8192,
            pagemap_scan: true,
            code_cache_bytes: 128 * 1024 * 1024,
            cache_dir: None,
        }
    }
}

impl EngineOptions {
    pub(super) fn check(&self) -> Result<(), EngineError> {
        if self.stack_bytes == 0 || self.stack_bytes > MAX_STACK {
            return Err(EngineError {
                reason: format!(
                    "a guest's stack must have 1 to {MAX_STACK} bytes, not {}",
                    self.stack_bytes
                ),
            });
        }
        Ok(())
    }

    pub(super) fn cache(&self) -> Result<Option<Cache>, EngineError> {
        let Some(directory) = &self.cache_dir else {
            return Ok(None);
        };
        let mut config = CacheConfig::new();
        config.with_directory(directory);
        let cache = Cache::new(config).map_err(|error| EngineError {
            reason: format!("cache directory {}: {error:#}", directory.display()),
        })?;
        Ok(Some(cache))
    }
}

/// The engine cannot be set up on this machine, or not with these options.
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
