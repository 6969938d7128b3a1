//! Statistics of VMs under Envoy's names, `wasm.*`, and some of our own.

use std::rc::Rc;

use crate::telemetry::{Counter, Gauge, Stats};

/// Envoy names its engines; this is its name for ours.
const RUNTIME: &str = "wasm.envoy.wasm.runtime.wasmtime";

/// Statistics of all VMs of a worker.
#[derive(Clone, Debug)]
pub(super) struct WasmStats {
    registry: Stats,
    vms: Rc<VmStats>,
}

#[derive(Debug)]
struct VmStats {
    created: Counter,
    active: Gauge,
    /// The same under its other name.
    count: Gauge,
    /// With the instances of streams.
    alive: Gauge,
    instances: Counter,
    instances_reused: Counter,
    instances_refused: Counter,
    snapshots: Counter,
    delta_pages: Gauge,
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
pub(super) struct ActiveVm {
    stats: Rc<VmStats>,
    is_instance: bool,
}

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

/// Makes the statistics that are there without any plugin.
pub(super) fn register(stats: &Stats) {
    for name in REMOTE_COUNTERS {
        drop(stats.counter(name));
    }
    drop(stats.gauge(REMOTE_ENTRIES));
    drop(VmStats::new(stats));
}

/// Returns the counter of snapshots that were compiled.
pub(super) fn snapshots(stats: &Stats) -> Counter {
    stats.counter("wasm.snapshots")
}

impl VmStats {
    fn new(stats: &Stats) -> Self {
        Self {
            count: stats.gauge(VM_COUNT),
            created: stats.counter(&format!("{RUNTIME}.created")),
            active: stats.gauge(&format!("{RUNTIME}.active")),
            alive: stats.gauge("wasm.vms_alive"),
            instances: stats.counter("wasm.instances_created"),
            instances_reused: stats.counter("wasm.instances_reused"),
            instances_refused: stats.counter("wasm.instances_refused"),
            snapshots: snapshots(stats),
            delta_pages: stats.gauge("wasm.delta_pages"),
        }
    }
}

impl WasmStats {
    /// Returns the statistics as one worker counts them.
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            registry: stats.clone(),
            vms: Rc::new(VmStats::new(stats)),
        }
    }

    pub(super) const fn registry(&self) -> &Stats {
        &self.registry
    }

    pub(super) fn vm_created(&self) -> ActiveVm {
        self.vms.created.inc();
        self.vms.active.inc();
        self.vms.count.inc();
        self.alive(false)
    }

    pub(super) fn instance_created(&self) -> ActiveVm {
        self.vms.instances.inc();
        self.alive(true)
    }

    /// A stream has an instance that another one has had.
    pub(super) fn instance_reused(&self) -> ActiveVm {
        self.vms.instances_reused.inc();
        self.alive(true)
    }

    fn alive(&self, is_instance: bool) -> ActiveVm {
        self.vms.alive.inc();
        ActiveVm {
            stats: Rc::clone(&self.vms),
            is_instance,
        }
    }

    pub(super) fn instance_refused(&self) {
        self.vms.instances_refused.inc();
    }

    pub(super) fn snapshot_taken(&self) {
        self.vms.snapshots.inc();
    }

    /// A guest was kept within a limit: `wasm.limit_hit.<its name in the settings>`.
    pub(super) fn limit_hit(&self, limit: &str) {
        self.registry
            .counter(&format!("wasm.limit_hit.{limit}"))
            .inc();
    }

    /// Returns the gauge of pages in which streams' instances differ from their snapshots.
    pub(super) fn delta_pages(&self) -> &Gauge {
        &self.vms.delta_pages
    }

    pub(super) fn reloads(&self, plugin: &str) -> ReloadStats {
        let counter = |what: &str| self.registry.counter(&format!("wasm.{plugin}.{what}"));
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
        self.stats.alive.dec();
        if !self.is_instance {
            self.stats.active.dec();
            self.stats.count.dec();
        }
    }
}
