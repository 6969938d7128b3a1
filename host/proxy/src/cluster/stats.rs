//! `ClusterStats`: what a cluster's circuit breakers and statistics count, over all workers.

use std::sync::atomic::{AtomicU32, Ordering};

/// Counts of one cluster. Envoy's circuit breakers hold for the process, not for a worker.
#[derive(Debug)]
pub(crate) struct ClusterStats {
    connections: Gate,
    pending: Gate,
    requests: Gate,
}

/// A number that may not exceed a limit.
#[derive(Debug)]
struct Gate {
    count: AtomicU32,
    limit: u32,
}

impl ClusterStats {
    pub(crate) fn new(config: &tollgate_config::Cluster) -> Self {
        Self {
            connections: Gate::new(config.max_connections),
            pending: Gate::new(config.max_pending_requests),
            requests: Gate::new(config.max_requests),
        }
    }

    pub(super) fn may_start_request(&self) -> bool {
        self.requests.is_open()
    }

    pub(super) fn request_started(&self) {
        self.requests.enter();
    }

    pub(super) fn request_ended(&self) {
        self.requests.leave();
    }

    pub(super) fn may_connect(&self) -> bool {
        self.connections.is_open()
    }

    pub(super) fn connection_opened(&self) {
        self.connections.enter();
    }

    pub(super) fn connection_closed(&self) {
        self.connections.leave();
    }

    pub(super) fn may_wait(&self) -> bool {
        self.pending.is_open()
    }

    pub(super) fn wait_started(&self) {
        self.pending.enter();
    }

    pub(super) fn wait_ended(&self) {
        self.pending.leave();
    }
}

impl Gate {
    fn new(limit: u32) -> Self {
        Self {
            count: AtomicU32::new(0),
            limit,
        }
    }

    // Two workers may pass at once and exceed the limit by one, as in Envoy.
    fn is_open(&self) -> bool {
        self.count.load(Ordering::Relaxed) < self.limit
    }

    fn enter(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn leave(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
