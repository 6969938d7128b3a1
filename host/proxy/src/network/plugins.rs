//! `NetworkPlugins`: the plugins of a filter chain on one worker, ready for its connections.

use std::rc::Rc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, Version};
use tollgate_config::PluginConfig;

use super::{ConnectionState, NetworkChain};
use crate::filter::{ConnectionInfo, HeaderTable, RouteCache, StreamInfo, StreamState};
use crate::wasm::{PluginError, PluginHandle, PluginRegistry, StreamVms};

/// The plugins before a chain's last filter.
#[derive(Debug)]
pub(crate) struct NetworkPlugins(Vec<Rc<PluginHandle>>);

impl PartialEq for NetworkPlugins {
    /// Whether they are the same plugins, in the same VMs.
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        self.0.len() == other.0.len() && pairs.into_iter().all(|(a, b)| Rc::ptr_eq(a, b))
    }
}

impl NetworkPlugins {
    /// Starts the plugins.
    ///
    /// # Errors
    ///
    /// When one does not start.
    pub(crate) fn new(
        configs: &[PluginConfig],
        registry: &PluginRegistry,
    ) -> Result<Self, PluginError> {
        let plugins = configs.iter().map(|config| registry.add(config));
        Ok(Self(plugins.collect::<Result<_, _>>()?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the filters of a connection.
    pub(crate) fn chain(&self, info: Rc<ConnectionInfo>) -> NetworkChain {
        let state = ConnectionState::new(facts(info));
        let plugins = self.0.iter();
        let mut vms = StreamVms::default();
        // A plugin that has failed and may be passed by leaves no gap in the count.
        let filters = plugins.fold(Vec::new(), |mut filters, plugin| {
            filters.extend(plugin.create_network_filter(&state, &mut vms, filters.len()));
            filters
        });
        NetworkChain::new(filters, state)
    }
}

/// The facts of a connection in the form of a stream's: one that speaks no HTTP.
fn facts(info: Rc<ConnectionInfo>) -> Rc<StreamState> {
    let stream = StreamInfo::new(
        SystemTime::now(),
        Instant::now(),
        Version::HTTP_09,
        info.remote_address,
    );
    let no_headers = HeaderTable::request_trailers(HeaderMap::new());
    StreamState::new(no_headers, stream, info, RouteCache::without_routes())
}
