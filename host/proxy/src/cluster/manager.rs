//! `ClusterManager`: the clusters of one configuration on one worker, by name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_rustls::rustls::pki_types::ServerName;
use tollgate_config::{Cluster as ClusterConfig, ClusterDiscovery, UpstreamProtocol, UpstreamTls};

use super::connect::UpstreamTlsContext;
use super::load_balancer::LoadBalancer;
use super::stats::ClusterStats;
use super::{Cluster, resolver};
use crate::error::ServerError;
use crate::random::Random;
use crate::telemetry::{Hosts, ResponseCodeStats, Stats, UpstreamStats};
use crate::tls;
use crate::worker;

/// How often connections are looked at for having been idle too long.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// What all workers share of the clusters of one configuration.
#[derive(Default)]
pub(crate) struct SharedClusters {
    clusters: Vec<Arc<SharedCluster>>,
}

/// One cluster, for as long as its configuration stays what it is.
struct SharedCluster {
    config: Arc<ClusterConfig>,
    stats: Arc<ClusterStats>,
    tls: Option<UpstreamTlsContext>,
}

/// Clusters by name. A cluster that stays the same is in the managers of several generations, with
/// its connections.
#[derive(Debug)]
pub(crate) struct ClusterManager {
    clusters: HashMap<Arc<str>, Entry, BuildHasherDefault<NameHasher>>,
}

/// FNV-1a: every request looks for its cluster, and the names are the configuration's, which does
/// not choose them to collide.
struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

struct Entry {
    shared: Arc<SharedCluster>,
    cluster: Rc<Cluster>,
    /// Whether this manager made it, and so must start it.
    is_new: bool,
}

impl SharedClusters {
    /// Prepares clusters once for all workers. Those that are configured as they were `before`
    /// stay what they are.
    ///
    /// # Errors
    ///
    /// When the TLS settings of a cluster cannot be used.
    pub(crate) fn new(
        configs: &[ClusterConfig],
        before: Option<&Self>,
    ) -> Result<Self, ServerError> {
        let known = before.map_or(&[][..], |before| &before.clusters);
        let prepare = |config: &ClusterConfig| {
            let same = known.iter().find(|known| *known.config == *config);
            same.map_or_else(|| SharedCluster::new(config), |same| Ok(Arc::clone(same)))
        };
        Ok(Self {
            clusters: configs.iter().map(prepare).collect::<Result<_, _>>()?,
        })
    }
}

impl SharedCluster {
    fn new(config: &ClusterConfig) -> Result<Arc<Self>, ServerError> {
        let tls = config
            .tls
            .as_ref()
            .map(|tls| tls_context(tls, config.protocol))
            .transpose();
        let tls = tls.map_err(|source| ServerError::ClusterTls {
            cluster: config.name.clone(),
            source: Box::new(source),
        })?;
        Ok(Arc::new(Self {
            config: Arc::new(config.clone()),
            stats: Arc::new(ClusterStats::new(config)),
            tls,
        }))
    }
}

fn tls_context(
    config: &UpstreamTls,
    protocol: UpstreamProtocol,
) -> Result<UpstreamTlsContext, tls::TlsError> {
    let server_name = ServerName::try_from(config.sni.clone()).ok();
    Ok(UpstreamTlsContext {
        config: tls::client_config(config, protocol)?,
        certificate: tls::client_certificate(config),
        server_name,
    })
}

impl ClusterManager {
    /// Makes a worker's clusters; those that are in `before` as well are taken from there.
    pub(crate) fn new(
        shared: &SharedClusters,
        random: &Rc<Random>,
        stats: &Stats,
        hosts: &Hosts,
        before: Option<&Self>,
    ) -> Self {
        let entry = |shared: &Arc<SharedCluster>| {
            let name = shared.config.name.as_str();
            let known = before.and_then(|before| before.clusters.get(name));
            let kept = known.filter(|known| Arc::ptr_eq(&known.shared, shared));
            let cluster = match kept {
                Some(kept) => Rc::clone(&kept.cluster),
                None => make_cluster(shared, random, stats, hosts),
            };
            cluster.managers.set(cluster.managers.get() + 1);
            let entry = Entry {
                shared: Arc::clone(shared),
                is_new: kept.is_none(),
                cluster,
            };
            (Arc::clone(&entry.cluster.name), entry)
        };
        Self {
            clusters: shared.clusters.iter().map(entry).collect(),
        }
    }

    /// Returns a cluster.
    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Cluster>> {
        self.clusters.get(name).map(|entry| &entry.cluster)
    }

    /// Looks up the names of the new `STRICT_DNS` clusters once, then keeps them and the pools
    /// fresh by tasks of this worker, which end with their clusters.
    pub(crate) async fn start(&self) {
        for Entry {
            shared, cluster, ..
        } in self.clusters.values().filter(|entry| entry.is_new)
        {
            let config = &shared.config;
            if config.discovery == ClusterDiscovery::StrictDns {
                resolver::refresh(cluster, config).await;
                let (cluster, config) = (Rc::downgrade(cluster), Arc::clone(config));
                worker::spawn(resolver::keep_fresh(cluster, config));
            }
            worker::spawn(close_idle(Rc::downgrade(cluster)));
        }
    }
}

/// Keeps a cluster's pools fresh until it is gone.
async fn close_idle(cluster: Weak<Cluster>) {
    loop {
        tokio::time::sleep(IDLE_CHECK).await;
        let Some(cluster) = cluster.upgrade() else {
            return;
        };
        cluster.close_idle(std::time::Instant::now());
    }
}

impl Drop for ClusterManager {
    fn drop(&mut self) {
        for Entry { cluster, .. } in self.clusters.values() {
            let left = cluster.managers.get().saturating_sub(1);
            cluster.managers.set(left);
            if left == 0 {
                cluster.retire();
            }
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cluster.fmt(f)
    }
}

fn make_cluster(
    shared: &SharedCluster,
    random: &Rc<Random>,
    stats: &Stats,
    hosts: &Hosts,
) -> Rc<Cluster> {
    let config = &shared.config;
    let prefix = format!("cluster.{}.", config.name);
    Rc::new(Cluster {
        name: Arc::from(config.name.as_str()),
        protocol: config.protocol,
        metadata: config.metadata.clone(),
        endpoints: RefCell::new(resolver::fixed_endpoints(config, hosts).into()),
        balancer: LoadBalancer::new(config.lb_policy, random),
        random: Rc::clone(random),
        connect_timeout: config.connect_timeout,
        idle_timeout: config.idle_timeout,
        max_requests_per_connection: config.max_requests_per_connection.unwrap_or(u32::MAX),
        tls: shared.tls.clone(),
        stats: Arc::clone(&shared.stats),
        counters: UpstreamStats::new(stats, &prefix),
        codes: ResponseCodeStats::new(stats, &prefix),
        hosts: hosts.clone(),
        freed: Notify::new(),
        managers: Cell::new(0),
    })
}
