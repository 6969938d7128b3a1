//! `LoadBalancer`: the choice of an endpoint.

use std::cell::Cell;
use std::rc::Rc;

use tollgate_config::LbPolicy;

use super::endpoint::Endpoint;
use crate::random::Random;

/// Chooses among the endpoints of a cluster.
#[derive(Debug)]
pub(super) struct LoadBalancer {
    policy: LbPolicy,
    next: Cell<usize>,
}

impl LoadBalancer {
    pub(super) fn new(policy: LbPolicy, random: &Random) -> Self {
        // Workers start at different endpoints, as Envoy's do.
        Self {
            policy,
            next: Cell::new(random.index(1 << 16)),
        }
    }

    /// Returns an endpoint, or `None` when there are none at all.
    pub(super) fn choose(
        &self,
        endpoints: &[Rc<Endpoint>],
        random: &Random,
    ) -> Option<Rc<Endpoint>> {
        if let [only] = endpoints {
            return Some(Rc::clone(only));
        }
        let healthy = endpoints.iter().filter(|endpoint| endpoint.healthy).count();
        // Envoy's panic mode: with less than half of them healthy, all are used.
        let panic = healthy * 2 < endpoints.len();
        let usable = |endpoint: &&Rc<Endpoint>| panic || endpoint.healthy;
        let count = if panic { endpoints.len() } else { healthy };
        match self.policy {
            LbPolicy::RoundRobin => self.in_turn(endpoints, count, usable),
            LbPolicy::Random => endpoints
                .iter()
                .filter(usable)
                .nth(random.index(count))
                .cloned(),
            LbPolicy::LeastRequest => {
                let first = endpoints.iter().filter(usable).nth(random.index(count))?;
                let second = endpoints.iter().filter(usable).nth(random.index(count))?;
                let less = if load(second) < load(first) {
                    second
                } else {
                    first
                };
                Some(Rc::clone(less))
            }
        }
    }

    fn in_turn(
        &self,
        endpoints: &[Rc<Endpoint>],
        count: usize,
        usable: impl Fn(&&Rc<Endpoint>) -> bool,
    ) -> Option<Rc<Endpoint>> {
        let mut weights = endpoints
            .iter()
            .filter(&usable)
            .map(|endpoint| endpoint.weight);
        let first = weights.next()?;
        if weights.all(|weight| weight == first) {
            let turn = self.next.get();
            self.next.set(turn.wrapping_add(1));
            return endpoints
                .iter()
                .filter(&usable)
                .nth(turn % count.max(1))
                .cloned();
        }
        // Smooth weighted round robin: everybody gains its weight, the leader pays the sum.
        let mut sum = 0;
        let mut leader: Option<&Rc<Endpoint>> = None;
        for endpoint in endpoints.iter().filter(&usable) {
            sum += i64::from(endpoint.weight);
            endpoint
                .current_weight
                .set(endpoint.current_weight.get() + i64::from(endpoint.weight));
            if leader.is_none_or(|old| endpoint.current_weight > old.current_weight) {
                leader = Some(endpoint);
            }
        }
        let leader = leader?;
        leader.current_weight.set(leader.current_weight.get() - sum);
        Some(Rc::clone(leader))
    }
}

/// Requests at an endpoint relative to its weight, scaled so that small loads differ.
fn load(endpoint: &Endpoint) -> u64 {
    (u64::from(endpoint.active_requests.get()) << 32) / u64::from(endpoint.weight.max(1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::SocketAddr;
    use std::rc::Rc;
    use std::sync::Arc;

    use tollgate_config::LbPolicy;

    use super::{Endpoint, LoadBalancer};
    use crate::random::Random;
    use crate::telemetry::{HostFacts, Hosts};

    fn endpoints(weights: &[(u32, bool)]) -> Vec<Rc<Endpoint>> {
        let address =
            |port: usize| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
        weights
            .iter()
            .enumerate()
            .map(|(port, (weight, healthy))| {
                let (address, weight, healthy) = (address(port), *weight, *healthy);
                let facts = HostFacts {
                    address,
                    hostname: String::new(),
                    weight,
                    healthy,
                };
                let stats = Hosts::default().host(&Arc::from("a"), &facts);
                Endpoint::new(address, None, weight, healthy, stats, Arc::default())
            })
            .collect()
    }

    fn picks(policy: LbPolicy, endpoints: &[Rc<Endpoint>], count: usize) -> HashMap<u16, usize> {
        let random = Random::default();
        let balancer = LoadBalancer::new(policy, &random);
        let mut picks = HashMap::new();
        for _ in 0..count {
            let port = balancer.choose(endpoints, &random).unwrap().address.port();
            *picks.entry(port).or_default() += 1;
        }
        picks
    }

    #[test]
    fn round_robin_serves_all_alike() {
        let picks = picks(
            LbPolicy::RoundRobin,
            &endpoints(&[(1, true), (1, true), (1, true)]),
            300,
        );
        assert_eq!(picks, HashMap::from([(0, 100), (1, 100), (2, 100)]));
    }

    #[test]
    fn round_robin_follows_weights() {
        let picks = picks(
            LbPolicy::RoundRobin,
            &endpoints(&[(1, true), (3, true)]),
            400,
        );
        assert_eq!(picks, HashMap::from([(0, 100), (1, 300)]));
    }

    #[test]
    fn an_unhealthy_endpoint_is_left_out() {
        let picks = picks(
            LbPolicy::Random,
            &endpoints(&[(1, true), (1, false), (1, true)]),
            100,
        );
        assert!(!picks.contains_key(&1));
    }

    #[test]
    fn with_most_endpoints_unhealthy_all_are_used() {
        let picks = picks(
            LbPolicy::RoundRobin,
            &endpoints(&[(1, false), (1, false), (1, true)]),
            3,
        );
        assert_eq!(picks.len(), 3);
    }

    #[test]
    fn the_less_busy_endpoint_gets_the_request() {
        let endpoints = endpoints(&[(1, true), (1, true)]);
        endpoints[0].active_requests.set(50);
        let picks = picks(LbPolicy::LeastRequest, &endpoints, 400);
        assert!(picks[&1] > picks[&0]);
    }

    #[test]
    fn no_endpoint_means_no_choice() {
        let random = Random::default();
        assert!(
            LoadBalancer::new(LbPolicy::Random, &random)
                .choose(&[], &random)
                .is_none()
        );
    }
}
