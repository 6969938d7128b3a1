//! `PluginRegistry`: the plugins of one configuration on one worker, for one generation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tollgate_config::{Node, PluginConfig};

use super::error::PluginError;
use super::plugin::PluginHandle;
use super::runtime::WasmRuntime;
use super::vm_table::VmTable;
use crate::cluster::ClusterManager;
use crate::telemetry::Stats;

/// Time in which a plugin that was told to finish may do so.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
/// How often is looked whether it has.
const FINISH_CHECK: Duration = Duration::from_millis(10);

/// Plugins by their configuration: the same one in two places is one plugin. One that is the same
/// in the next generation goes over with its VM and all state; whatever has changed starts in a new
/// VM, so that nothing which may fail runs within one that serves.
#[derive(Debug)]
pub(crate) struct PluginRegistry {
    vms: Rc<VmTable>,
    clusters: Rc<ClusterManager>,
    node: Node,
    /// What may be taken over, until this generation is served.
    before: RefCell<Vec<Rc<PluginHandle>>>,
    plugins: RefCell<Vec<Rc<PluginHandle>>>,
    is_served: Cell<bool>,
}

impl PluginRegistry {
    /// Returns a registry whose plugins call out to `clusters`, and which takes over what is the
    /// same from the one `before`. Ticks and callouts run as tasks of the worker, so plugins must
    /// be added on it.
    ///
    /// `faults` counts those of the plugins that it starts.
    #[must_use]
    pub(crate) fn new(
        runtime: &Arc<WasmRuntime>,
        clusters: &Rc<ClusterManager>,
        node: &Node,
        stats: &Stats,
        faults: &Arc<AtomicU64>,
        before: Option<&Self>,
    ) -> Self {
        // Plugins can read the node.
        let before = before.filter(|before| before.node.message == node.message);
        Self {
            vms: VmTable::new(Arc::clone(runtime), clusters, &node.message, stats, faults),
            clusters: Rc::clone(clusters),
            node: node.clone(),
            before: before.map_or_else(RefCell::default, |before| before.plugins.clone()),
            plugins: RefCell::default(),
            is_served: Cell::new(false),
        }
    }

    /// Starts a plugin, or returns the one that has started from an equal configuration.
    ///
    /// # Errors
    ///
    /// When its module cannot be loaded or the plugin does not start.
    pub(crate) fn add(&self, config: &PluginConfig) -> Result<Rc<PluginHandle>, PluginError> {
        let mut plugins = self.plugins.borrow_mut();
        if let Some(known) = plugins.iter().find(|plugin| plugin.config() == config) {
            return Ok(Rc::clone(known));
        }
        let runtime = self.vms.runtime();
        let (module, settings) = (runtime.module(config)?, runtime.settings());
        let before = self.before.borrow();
        let same = before
            .iter()
            .find(|plugin| plugin.is_made_of(config, &module, &settings));
        let plugin = match same {
            Some(same) => Rc::clone(same),
            None => PluginHandle::start(config, &self.vms)?,
        };
        if self.is_served.get() {
            serve(&plugin, &self.clusters);
        }
        plugins.push(Rc::clone(&plugin));
        Ok(plugin)
    }

    /// This generation is served from now on. May be said again after another one was.
    pub(crate) fn serve(&self) {
        self.before.take();
        let is_first = !self.is_served.replace(true);
        for plugin in self.plugins.borrow().iter() {
            if is_first {
                plugin.count_generation(true);
            }
            serve(plugin, &self.clusters);
        }
    }

    /// Another generation is served from now on: what it has not taken over does not tick any more.
    pub(crate) fn rest(&self, current: &[&Self]) {
        for plugin in self.plugins.borrow().iter() {
            if !current.iter().any(|current| current.has(plugin)) {
                plugin.set_serving(false);
            }
        }
    }

    fn has(&self, plugin: &Rc<PluginHandle>) -> bool {
        let plugins = self.plugins.borrow();
        plugins.iter().any(|own| Rc::ptr_eq(own, plugin))
    }

    /// The last stream of this generation has ended: plugins that no other one has finish.
    pub(crate) async fn finish(&self) {
        let mut finishing = Vec::new();
        for plugin in self.plugins.take() {
            if plugin.count_generation(false) == 0 {
                plugin.shut_down();
                finishing.push(plugin);
            }
        }
        let finished = async {
            while !finishing.iter().all(|plugin| plugin.is_finished()) {
                tokio::time::sleep(FINISH_CHECK).await;
            }
        };
        if tokio::time::timeout(FINISH_TIMEOUT, finished)
            .await
            .is_err()
        {
            tracing::warn!(target: "wasm", "a plugin has not finished in time");
        }
    }

    #[cfg(test)]
    pub(super) fn runtime(&self) -> &Arc<WasmRuntime> {
        self.vms.runtime()
    }

    /// Tells all plugins that nothing more will come: their `proxy_on_done` runs.
    pub(crate) fn shut_down(&self) {
        for plugin in self.plugins.take() {
            plugin.shut_down();
        }
    }
}

fn serve(plugin: &PluginHandle, clusters: &Rc<ClusterManager>) {
    plugin.join(clusters);
    plugin.set_serving(true);
}
