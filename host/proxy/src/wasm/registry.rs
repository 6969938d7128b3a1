//! `PluginRegistry`: the plugins of one configuration on one worker.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_config::{Node, PluginConfig};

use super::error::PluginError;
use super::plugin::PluginHandle;
use super::properties::ProxyFacts;
use super::runtime::WasmRuntime;
use super::vm_table::VmTable;
use crate::cluster::ClusterManager;

/// Plugins by their configuration: the same one in two places is one plugin.
#[derive(Debug)]
pub(crate) struct PluginRegistry {
    vms: Rc<VmTable>,
    plugins: RefCell<Vec<Rc<PluginHandle>>>,
}

impl PluginRegistry {
    /// Returns a registry whose plugins call out to `clusters`. Ticks and callouts run as tasks of
    /// the worker, so plugins must be added on it.
    #[must_use]
    pub(crate) fn new(
        runtime: &Arc<WasmRuntime>,
        clusters: &Rc<ClusterManager>,
        node: &Node,
    ) -> Self {
        let facts = ProxyFacts::new(&node.message, Some(Rc::clone(clusters)));
        let vms = VmTable::new(Arc::clone(runtime), Rc::clone(clusters), facts);
        Self {
            vms,
            plugins: RefCell::default(),
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
        let plugin = PluginHandle::start(config, &self.vms)?;
        plugins.push(Rc::clone(&plugin));
        Ok(plugin)
    }

    /// Tells all plugins that nothing more will come: their `proxy_on_done` runs.
    pub(crate) fn shut_down(&self) {
        for plugin in self.plugins.take() {
            plugin.shut_down();
        }
    }
}
