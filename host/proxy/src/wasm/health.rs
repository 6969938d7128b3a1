//! `PluginHealth`: what a plugin's faults come to on one worker: statistics, its breaker, and whether
//! the proxy is ready.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tollgate_config::{FailurePolicy, PluginConfig};
use tollgate_runtime::{Fault, FaultKind};

use super::breaker::Breaker;
use super::vm_table::VmTable;
use crate::telemetry::{Counter, Gauge, Stats};

/// The health of one plugin on one worker.
pub(super) struct PluginHealth {
    plugin: String,
    breaker: Breaker,
    policy: FailurePolicy,
    is_open: Cell<bool>,
    vm_failed: Rc<Notify>,
    stats: HealthStats,
    failing: Arc<FailingPlugins>,
    /// Faults of all plugins that its generation has started.
    faults: Arc<AtomicU64>,
}

#[derive(Debug)]
struct HealthStats {
    registry: Stats,
    prefix: String,
    breaker_open: Gauge,
    breaker_opened: Counter,
    breaker_passed_over: Counter,
}

/// Plugins whose breaker is open, with the number of workers on which it is.
#[derive(Debug, Default)]
pub(crate) struct FailingPlugins(Mutex<BTreeMap<String, usize>>);

impl PluginHealth {
    pub(super) fn new(plugin: &PluginConfig, vms: &VmTable) -> Self {
        let (runtime, stats) = (vms.runtime(), vms.stats());
        let (plugin, policy, stats) = (&plugin.name, plugin.failure_policy, stats.registry());
        let prefix = format!("wasm.{plugin}");
        for kind in [FaultKind::Trap, FaultKind::Deadline, FaultKind::Memory] {
            drop(fault_counter(stats, &prefix, kind));
        }
        Self {
            plugin: plugin.clone(),
            breaker: Breaker::new(runtime.settings().breaker_of(plugin)),
            policy,
            is_open: Cell::new(false),
            vm_failed: Rc::default(),
            stats: HealthStats {
                breaker_open: stats.gauge(&format!("{prefix}.breaker_open")),
                breaker_opened: stats.counter(&format!("{prefix}.breaker_opened")),
                breaker_passed_over: stats.counter(&format!("{prefix}.breaker_passed_over")),
                registry: stats.clone(),
                prefix,
            },
            failing: Arc::clone(runtime.failing_plugins()),
            faults: Arc::clone(vms.faults()),
        }
    }

    pub(super) fn is_of(&self, plugin: &str) -> bool {
        self.plugin == plugin
    }

    /// Returns whether streams pass without the plugin while it cannot serve.
    pub(super) const fn lets_pass(&self) -> bool {
        match self.policy {
            FailurePolicy::FailOpen | FailurePolicy::LegacyFailOpen => true,
            FailurePolicy::FailClosed | FailurePolicy::FailReload => false,
        }
    }

    /// The deprecated `fail_open`: also the stream that saw the fault goes on.
    pub(super) fn goes_on_after_fault(&self) -> bool {
        self.policy == FailurePolicy::LegacyFailOpen
    }

    /// Returns whether a stream may enter the plugin.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let admits = self.breaker.admits(now);
        if !admits {
            self.stats.breaker_passed_over.inc();
        }
        admits
    }

    /// Counts a fault of the plugin.
    pub(super) fn count_fault(&self, fault: &Fault, now: Instant) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        fault_counter(&self.stats.registry, &self.stats.prefix, fault.kind).inc();
        if self.breaker.count_fault(now) {
            self.stats.breaker_opened.inc();
            self.set_open(true);
            tracing::warn!(target: "wasm", plugin = %self.plugin, "breaker opened");
        }
    }

    /// The plugin's VM has failed, by whatever plugin in it.
    pub(super) fn note_failed_vm(&self) {
        self.vm_failed.notify_one();
    }

    /// Returns what tells that the plugin's VM has failed.
    pub(super) const fn vm_failed(&self) -> &Rc<Notify> {
        &self.vm_failed
    }

    /// A stream has left the plugin without a fault.
    pub(super) fn count_success(&self) {
        if self.breaker.count_success() {
            self.set_open(false);
            tracing::info!(target: "wasm", plugin = %self.plugin, "breaker closed");
        }
    }

    fn set_open(&self, is_open: bool) {
        if self.is_open.replace(is_open) == is_open {
            return;
        }
        if is_open {
            self.stats.breaker_open.inc();
        } else {
            self.stats.breaker_open.dec();
        }
        // What passes without the plugin is served all the same.
        if !self.lets_pass() {
            self.failing.set(&self.plugin, is_open);
        }
    }
}

impl Drop for PluginHealth {
    fn drop(&mut self) {
        self.set_open(false);
    }
}

fn fault_counter(stats: &Stats, prefix: &str, kind: FaultKind) -> Counter {
    stats.counter(&format!("{prefix}.faults.{}", kind.name()))
}

impl FailingPlugins {
    /// Says that a plugin keeps failing on one worker more, or one less.
    pub(crate) fn set(&self, plugin: &str, is_failing: bool) {
        let mut failing = self.0.lock();
        if is_failing {
            *failing.entry(plugin.to_owned()).or_default() += 1;
        } else if let Some(workers) = failing.get_mut(plugin) {
            *workers = workers.saturating_sub(1);
            failing.retain(|_, workers| *workers > 0);
        }
    }

    /// Returns the plugins that keep requests from passing, with the number of workers.
    pub(crate) fn list(&self) -> Vec<(String, usize)> {
        let failing = self.0.lock();
        failing
            .iter()
            .map(|(plugin, workers)| (plugin.clone(), *workers))
            .collect()
    }
}

impl fmt::Debug for PluginHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHealth")
            .field("plugin", &self.plugin)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}
