//! Hosts: what is counted for each endpoint of each cluster, over all workers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// The endpoints that workers use at present.
#[derive(Clone, Default)]
pub(crate) struct Hosts(Arc<Mutex<ByClusterAndAddress>>);

type ByClusterAndAddress = BTreeMap<(Arc<str>, SocketAddr), Weak<HostStats>>;

/// One endpoint. It is known for as long as some worker has it.
#[derive(Debug)]
pub(crate) struct HostStats {
    /// What is known from the configuration.
    pub(crate) facts: HostFacts,
    /// Connections now.
    pub(crate) cx_active: HostCount,
    /// Connections that could not be made.
    pub(crate) cx_connect_fail: HostCount,
    /// Connections ever.
    pub(crate) cx_total: HostCount,
    /// Requests now.
    pub(crate) rq_active: HostCount,
    /// Requests that failed or were answered with 5xx.
    pub(crate) rq_error: HostCount,
    /// Requests that wait for a connection.
    pub(crate) rq_pending_active: HostCount,
    /// Requests that were answered otherwise.
    pub(crate) rq_success: HostCount,
    /// Requests that took too long.
    pub(crate) rq_timeout: HostCount,
    /// Requests ever.
    pub(crate) rq_total: HostCount,
}

/// What is known of an endpoint from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostFacts {
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// Its name; may be empty.
    pub(crate) hostname: String,
    /// Share of requests.
    pub(crate) weight: u32,
    /// Whether it takes requests.
    pub(crate) healthy: bool,
}

/// A number.
#[derive(Debug, Default)]
pub(crate) struct HostCount(AtomicU64);

impl Hosts {
    /// Returns the counts of an endpoint, shared with all workers that have it. One of which
    /// something else is known now is another one.
    pub(crate) fn host(&self, cluster: &Arc<str>, facts: &HostFacts) -> Arc<HostStats> {
        let mut hosts = self.0.lock();
        hosts.retain(|_, host| host.strong_count() > 0);
        let slot = hosts
            .entry((Arc::clone(cluster), facts.address))
            .or_default();
        let known = slot.upgrade().filter(|host| host.facts == *facts);
        known.unwrap_or_else(|| {
            let host = Arc::new(HostStats::new(facts.clone()));
            *slot = Arc::downgrade(&host);
            host
        })
    }

    /// Returns the endpoints of a cluster by address.
    #[must_use]
    pub(crate) fn of_cluster(&self, cluster: &str) -> Vec<Arc<HostStats>> {
        let hosts = self.0.lock();
        let own = hosts.iter().filter(|((name, _), _)| **name == *cluster);
        own.filter_map(|(_, host)| host.upgrade()).collect()
    }
}

impl HostStats {
    fn new(facts: HostFacts) -> Self {
        Self {
            facts,
            cx_active: HostCount::default(),
            cx_connect_fail: HostCount::default(),
            cx_total: HostCount::default(),
            rq_active: HostCount::default(),
            rq_error: HostCount::default(),
            rq_pending_active: HostCount::default(),
            rq_success: HostCount::default(),
            rq_timeout: HostCount::default(),
            rq_total: HostCount::default(),
        }
    }
}

impl HostCount {
    /// Adds one.
    pub(crate) fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one away.
    pub(crate) fn dec(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the number.
    #[must_use]
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(port: u16) -> HostFacts {
        HostFacts {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            hostname: String::new(),
            weight: 1,
            healthy: true,
        }
    }

    #[test]
    fn workers_count_an_endpoint_together() {
        let (hosts, cluster) = (Hosts::default(), Arc::from("a"));
        let (first, second) = (
            hosts.host(&cluster, &facts(1)),
            hosts.host(&cluster, &facts(1)),
        );
        first.rq_total.inc();
        second.rq_total.inc();
        assert_eq!(hosts.of_cluster("a").first().unwrap().rq_total.value(), 2);
        assert!(hosts.of_cluster("b").is_empty());
    }

    #[test]
    fn an_endpoint_that_no_worker_has_is_gone() {
        let (hosts, cluster) = (Hosts::default(), Arc::from("a"));
        drop(hosts.host(&cluster, &facts(1)));
        let _kept = hosts.host(&cluster, &facts(2));
        let ports: Vec<u16> = hosts
            .of_cluster("a")
            .iter()
            .map(|host| host.facts.address.port())
            .collect();
        assert_eq!(ports, [2]);
    }
}
