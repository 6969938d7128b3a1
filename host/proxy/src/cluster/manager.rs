//! `ClusterManager`: the clusters of one configuration on one worker, by name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
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
pub(crate) struct SharedClusters {
    clusters: Vec<SharedCluster>,
}

struct SharedCluster {
    config: Arc<ClusterConfig>,
    stats: Arc<ClusterStats>,
    tls: Option<UpstreamTlsContext>,
}

/// Clusters by name.
#[derive(Debug)]
pub(crate) struct ClusterManager {
    clusters: HashMap<Arc<str>, Rc<Cluster>>,
    resolved: Vec<(Rc<Cluster>, Arc<ClusterConfig>)>,
}

impl SharedClusters {
    /// Prepares clusters once for all workers.
    ///
    /// # Errors
    ///
    /// When the TLS settings of a cluster cannot be used.
    pub(crate) fn new(configs: &[ClusterConfig]) -> Result<Self, ServerError> {
        let prepare = |config: &ClusterConfig| {
            let tls = config
                .tls
                .as_ref()
                .map(|tls| tls_context(tls, config.protocol))
                .transpose();
            let tls = tls.map_err(|source| ServerError::ClusterTls {
                cluster: config.name.clone(),
                source: Box::new(source),
            })?;
            let stats = Arc::new(ClusterStats::new(config));
            Ok(SharedCluster {
                config: Arc::new(config.clone()),
                stats,
                tls,
            })
        };
        Ok(Self {
            clusters: configs.iter().map(prepare).collect::<Result<_, _>>()?,
        })
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
    /// Makes a worker's clusters.
    pub(crate) fn new(
        shared: &SharedClusters,
        random: &Rc<Random>,
        stats: &Stats,
        hosts: &Hosts,
    ) -> Self {
        let mut manager = Self {
            clusters: HashMap::new(),
            resolved: Vec::new(),
        };
        for SharedCluster {
            config,
            stats: limits,
            tls,
        } in &shared.clusters
        {
            let prefix = format!("cluster.{}.", config.name);
            let cluster = Rc::new(Cluster {
                name: Arc::from(config.name.as_str()),
                protocol: config.protocol,
                metadata: config.metadata.clone(),
                endpoints: RefCell::new(resolver::fixed_endpoints(config, hosts).into()),
                balancer: LoadBalancer::new(config.lb_policy, random),
                random: Rc::clone(random),
                connect_timeout: config.connect_timeout,
                idle_timeout: config.idle_timeout,
                max_requests_per_connection: config.max_requests_per_connection.unwrap_or(u32::MAX),
                tls: tls.clone(),
                stats: Arc::clone(limits),
                counters: UpstreamStats::new(stats, &prefix),
                codes: ResponseCodeStats::new(stats, &prefix),
                hosts: hosts.clone(),
                freed: Notify::new(),
            });
            if config.discovery == ClusterDiscovery::StrictDns {
                manager
                    .resolved
                    .push((Rc::clone(&cluster), Arc::clone(config)));
            }
            manager.clusters.insert(Arc::clone(&cluster.name), cluster);
        }
        manager
    }

    /// Returns a cluster.
    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Cluster>> {
        self.clusters.get(name)
    }

    /// Looks up the names of all `STRICT_DNS` clusters once, then keeps them and the pools fresh by
    /// tasks of this worker.
    pub(crate) async fn start(self: &Rc<Self>) {
        for (cluster, config) in &self.resolved {
            resolver::refresh(cluster, config).await;
            worker::spawn(resolver::keep_fresh(Rc::clone(cluster), Arc::clone(config)));
        }
        let manager = Rc::clone(self);
        worker::spawn(async move {
            loop {
                tokio::time::sleep(IDLE_CHECK).await;
                let now = std::time::Instant::now();
                manager
                    .clusters
                    .values()
                    .for_each(|cluster| cluster.close_idle(now));
            }
        });
    }
}
