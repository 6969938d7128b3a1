//! The state of the server: what it is doing, and the pages that tell or change it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Instant, SystemTime};

use tollgate_config::{Cluster, ClusterDiscovery, HostAddress};

use super::query::Query;
use super::reply::Reply;
use crate::generation::{Generation, Generations, Reloads};
use crate::http::access_log::AccessLogWriter;
use crate::telemetry::{HostStats, Hosts, Stats};
use crate::wasm::{FailingPlugins, FaultSink};

/// What the admin interface shows and does.
pub(crate) struct AdminContext {
    /// Statistics.
    pub(crate) stats: Stats,
    /// Endpoints.
    pub(crate) hosts: Hosts,
    /// What is served, and what was.
    pub(crate) generations: Arc<Generations>,
    /// Reloads.
    pub(crate) reloads: Arc<Reloads>,
    /// What the server is doing.
    pub(crate) state: StateCell,
    /// Number of workers.
    pub(crate) concurrency: usize,
    /// When the process began to serve.
    pub(crate) started: (SystemTime, Instant),
    /// Access logs.
    pub(crate) access_logs: Arc<AccessLogWriter>,
    /// Faults of plugins.
    pub(crate) faults: Arc<FaultSink>,
    /// Plugins without which nothing passes and which keep failing.
    pub(crate) failing_plugins: Arc<FailingPlugins>,
    /// Ends the server.
    pub(crate) quit: Box<dyn Fn() + Send + Sync>,
}

/// What a server is doing, in Envoy's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    /// Serving.
    Live = 0,
    /// Ending, or told to fail health checks.
    Draining = 1,
    /// Starting; not all is bound yet.
    PreInitializing = 2,
    /// Starting; not all workers serve yet.
    Initializing = 3,
}

/// The state, shared.
#[derive(Clone, Debug)]
pub(crate) struct StateCell(Arc<(AtomicU8, AtomicBool)>);

impl ServerState {
    /// Returns Envoy's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Draining => "DRAINING",
            Self::PreInitializing => "PRE_INITIALIZING",
            Self::Initializing => "INITIALIZING",
        }
    }
}

impl StateCell {
    /// Returns the state of a server that starts.
    #[must_use]
    pub(crate) fn new() -> Self {
        let initial = ServerState::Initializing as u8;
        Self(Arc::new((AtomicU8::new(initial), AtomicBool::new(false))))
    }

    /// Sets what the server is doing.
    pub(crate) fn set(&self, state: ServerState) {
        self.0.0.store(state as u8, Ordering::Relaxed);
    }

    /// Sets whether health checks are to fail although the server is live.
    pub(super) fn set_failing(&self, failing: bool) {
        self.0.1.store(failing, Ordering::Relaxed);
    }

    /// Returns what the server is doing.
    #[must_use]
    pub(crate) fn get(&self) -> ServerState {
        match self.0.0.load(Ordering::Relaxed) {
            0 if self.0.1.load(Ordering::Relaxed) => ServerState::Draining,
            0 => ServerState::Live,
            1 => ServerState::Draining,
            2 => ServerState::PreInitializing,
            _ => ServerState::Initializing,
        }
    }
}

/// `/ready`.
pub(super) fn ready(context: &AdminContext, _query: &Query) -> Reply {
    let state = context.state.get();
    let failing = context.failing_plugins.list();
    let is_ready = state == ServerState::Live && failing.is_empty();
    let mut text = format!("{}\n", state.name());
    for (plugin, workers) in failing {
        text += &format!("plugin `{plugin}` keeps failing on {workers} of the workers\n");
    }
    Reply::text(if is_ready { 200 } else { 503 }, text)
}

/// `/healthcheck/fail`.
pub(super) fn fail(context: &AdminContext, _query: &Query) -> Reply {
    context.state.set_failing(true);
    Reply::text(200, "OK\n")
}

/// `/healthcheck/ok`.
pub(super) fn pass(context: &AdminContext, _query: &Query) -> Reply {
    context.state.set_failing(false);
    Reply::text(200, "OK\n")
}

/// `/quitquitquit`.
pub(super) fn quit(context: &AdminContext, _query: &Query) -> Reply {
    (context.quit)();
    Reply::text(200, "OK\n")
}

/// `/reopen_logs`.
pub(super) fn reopen_logs(context: &AdminContext, _query: &Query) -> Reply {
    context.access_logs.reopen();
    Reply::text(200, "OK\n")
}

impl AdminContext {
    /// Returns the generation that is served, once there is one.
    pub(super) fn generation(&self) -> Option<Arc<Generation>> {
        self.generations.current()
    }

    /// Returns the endpoints of a cluster that is served. Those of older generations, which end
    /// with their last request, are left out.
    pub(super) fn hosts_of(&self, cluster: &Cluster) -> Vec<Arc<HostStats>> {
        let mut hosts = self.hosts.of_cluster(&cluster.name);
        if cluster.discovery == ClusterDiscovery::Static {
            let is_configured = |host: &Arc<HostStats>| {
                let address = HostAddress::Ip(host.facts.address);
                let mut endpoints = cluster.endpoints.iter();
                endpoints.any(|endpoint| endpoint.address == address)
            };
            hosts.retain(is_configured);
        }
        hosts
    }
}

impl fmt::Debug for AdminContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminContext")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
