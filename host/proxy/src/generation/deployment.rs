//! `Deployment`: one file's configuration, bound and prepared for all workers.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tollgate_config::{Bootstrap, DiscoveredFilter, NetworkFilter};

use crate::cluster::SharedClusters;
use crate::error::ServerError;
use crate::listener::{ListenerKey, ListenerTls};
use crate::tls::ServerTls;

/// Time in which TCP connections may end by themselves: a connection manager's default.
const TCP_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// One configuration, prepared for all workers.
pub(crate) struct Deployment {
    pub(crate) bootstrap: Bootstrap,
    pub(crate) clusters: SharedClusters,
    /// By listener, in the order of the configuration.
    pub(crate) tls: Vec<ListenerTls>,
    /// Where the listeners are bound, in the same order.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What was discovered, and when.
    pub(crate) discovered: Vec<(DiscoveredFilter, SystemTime)>,
}

impl Deployment {
    /// Prepares a configuration; what it has in common with the one `before` stays. `bound` finds
    /// where a listener is bound.
    ///
    /// # Errors
    ///
    /// When TLS settings cannot be used, or what `bound` says.
    pub(crate) fn new(
        bootstrap: Bootstrap,
        before: Option<&Self>,
        mut bound: impl FnMut(&tollgate_config::Listener) -> Result<SocketAddr, ServerError>,
    ) -> Result<Self, ServerError> {
        let discovered = discovered(&bootstrap, before);
        let before = before.map(|before| &before.clusters);
        let clusters = SharedClusters::new(&bootstrap.clusters, before)?;
        let listeners = bootstrap.listeners.iter();
        let tls = listeners.clone().map(listener_tls);
        Ok(Self {
            tls: tls.collect::<Result<_, _>>()?,
            addresses: listeners.map(&mut bound).collect::<Result<_, _>>()?,
            clusters,
            discovered,
            bootstrap,
        })
    }

    /// Iterates over the listeners: key, name, and where each is bound.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (ListenerKey, &str, SocketAddr)> {
        let listeners = self.bootstrap.listeners.iter();
        listeners.zip(&self.addresses).map(|(listener, address)| {
            (ListenerKey::of(listener), listener.name.as_str(), *address)
        })
    }

    /// Returns the longest drain timeout.
    pub(super) fn drain_timeout(&self) -> Duration {
        let listeners = self.bootstrap.listeners.iter();
        let chains = listeners.flat_map(|l| l.filter_chains.iter().chain(&l.default_filter_chain));
        let timeouts = chains.map(|chain| match &chain.filter {
            NetworkFilter::HttpConnectionManager(manager) => manager.drain_timeout,
            NetworkFilter::TcpProxy(_) => TCP_DRAIN_TIMEOUT,
        });
        timeouts.max().unwrap_or_default()
    }
}

/// A filter stays what it is, with its version and its time, while it is configured the same.
fn discovered(
    bootstrap: &Bootstrap,
    before: Option<&Deployment>,
) -> Vec<(DiscoveredFilter, SystemTime)> {
    let found = bootstrap.discoveries.iter();
    let found = found.filter_map(|discovery| discovery.found.as_ref().ok());
    let now = SystemTime::now();
    found
        .map(|filter| {
            let mut known = before.iter().flat_map(|before| &before.discovered);
            let same = known.find(|(known, _)| known.resource == filter.resource);
            same.cloned().unwrap_or_else(|| (filter.clone(), now))
        })
        .collect()
}

fn listener_tls(listener: &tollgate_config::Listener) -> Result<ListenerTls, ServerError> {
    let chains = listener
        .filter_chains
        .iter()
        .chain(&listener.default_filter_chain);
    let configs = chains.map(|chain| chain.tls.as_ref().map(ServerTls::new).transpose());
    configs
        .collect::<Result<_, _>>()
        .map_err(|source| ServerError::Listener {
            listener: listener.name.clone(),
            source: Box::new(source),
        })
}
