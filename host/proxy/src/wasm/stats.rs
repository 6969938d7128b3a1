//! Statistics of VMs under Envoy's names, `wasm.*`.

use crate::telemetry::{Counter, Gauge, Stats};

/// Envoy names its engines; this is its name for ours.
const RUNTIME: &str = "wasm.envoy.wasm.runtime.wasmtime";

/// Statistics of all VMs.
#[derive(Clone, Debug)]
pub(super) struct WasmStats {
    stats: Stats,
    created: Counter,
    active: Gauge,
    /// The same under its other name.
    count: Gauge,
}

/// How often a plugin's VM was replaced.
#[derive(Clone, Debug)]
pub(super) struct ReloadStats {
    pub(super) success: Counter,
    pub(super) failure: Counter,
    pub(super) backoff: Counter,
}

/// Counts a VM until it is dropped.
#[derive(Debug)]
pub(super) struct ActiveVm([Gauge; 2]);

/// Modules that are fetched, which Tollgate refuses to do: always 0, for those who look for them.
const REMOTE_COUNTERS: [&str; 5] = [
    "wasm.remote_load_cache_hits",
    "wasm.remote_load_cache_misses",
    "wasm.remote_load_cache_negative_hits",
    "wasm.remote_load_fetch_failures",
    "wasm.remote_load_fetch_successes",
];
const REMOTE_ENTRIES: &str = "wasm.remote_load_cache_entries";
const VM_COUNT: &str = "wasm.wasm_vm_count";

impl WasmStats {
    pub(super) fn new(stats: &Stats) -> Self {
        for name in REMOTE_COUNTERS {
            drop(stats.counter(name));
        }
        drop(stats.gauge(REMOTE_ENTRIES));
        Self {
            stats: stats.clone(),
            count: stats.gauge(VM_COUNT),
            created: stats.counter(&format!("{RUNTIME}.created")),
            active: stats.gauge(&format!("{RUNTIME}.active")),
        }
    }

    pub(super) fn vm_created(&self) -> ActiveVm {
        self.created.inc();
        let gauges = [self.active.clone(), self.count.clone()];
        gauges.iter().for_each(Gauge::inc);
        ActiveVm(gauges)
    }

    pub(super) fn reloads(&self, plugin: &str) -> ReloadStats {
        let counter = |what: &str| self.stats.counter(&format!("wasm.{plugin}.{what}"));
        // Envoy has it and never counts it; who looks for it finds it here too.
        drop(counter("vm_reload"));
        ReloadStats {
            success: counter("vm_reload_success"),
            failure: counter("vm_reload_failure"),
            backoff: counter("vm_reload_backoff"),
        }
    }
}

impl Drop for ActiveVm {
    fn drop(&mut self) {
        self.0.iter().for_each(Gauge::dec);
    }
}
