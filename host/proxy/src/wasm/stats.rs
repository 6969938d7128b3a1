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
pub(super) struct ActiveVm(Gauge);

impl WasmStats {
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            stats: stats.clone(),
            created: stats.counter(&format!("{RUNTIME}.created")),
            active: stats.gauge(&format!("{RUNTIME}.active")),
        }
    }

    pub(super) fn vm_created(&self) -> ActiveVm {
        self.created.inc();
        self.active.inc();
        ActiveVm(self.active.clone())
    }

    pub(super) fn reloads(&self, plugin: &str) -> ReloadStats {
        let counter = |what: &str| {
            self.stats
                .counter(&format!("wasm.{plugin}.vm_reload_{what}"))
        };
        ReloadStats {
            success: counter("success"),
            failure: counter("failure"),
            backoff: counter("backoff"),
        }
    }
}

impl Drop for ActiveVm {
    fn drop(&mut self) {
        self.0.dec();
    }
}
