//! `TcpProxy`: one configured TCP proxy on one worker, ready to serve.

use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use tollgate_config::TcpCluster;

use super::deadlines::Deadlines;
use super::filter_state;
use super::session::{Outcome, Session};
use super::upstream;
use crate::filter::ConnectionInfo;
use crate::http::stream_logger::{StreamLogger, StreamLoggerError};
use crate::network::{ConnectionState, NetworkPlugins};
use crate::telemetry::TcpStats;
use crate::transport::Transport;
use crate::wasm::PluginRegistry;
use crate::worker::WorkerContext;

/// A TCP proxy of a filter chain on one worker.
pub(crate) struct TcpProxy {
    pub(super) config: Rc<tollgate_config::TcpProxy>,
    pub(super) worker: Rc<WorkerContext>,
    pub(super) stats: TcpStats,
    clusters: Vec<(u32, Arc<str>)>,
    access_log: Vec<StreamLogger>,
    buffer_limit: usize,
}

/// Why a TCP proxy cannot serve.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct TcpProxyError(#[from] StreamLoggerError);

impl TcpProxy {
    /// Makes a TCP proxy. `buffer_limit` bounds what filters hold of a direction.
    ///
    /// # Errors
    ///
    /// When an access log cannot serve.
    pub(crate) fn new(
        config: &tollgate_config::TcpProxy,
        worker: &Rc<WorkerContext>,
        plugins: &PluginRegistry,
        buffer_limit: usize,
    ) -> Result<Rc<Self>, TcpProxyError> {
        let logs = config.access_log.iter();
        let access_log = logs.map(|log| StreamLogger::new(log, worker, plugins));
        let share = |cluster: &TcpCluster| (cluster.weight, Arc::from(cluster.name.as_str()));
        Ok(Rc::new(Self {
            stats: TcpStats::new(&worker.stats, &format!("tcp.{}.", config.stat_prefix)),
            clusters: config.clusters.iter().map(share).collect(),
            access_log: access_log.collect::<Result<_, _>>()?,
            config: Rc::new(config.clone()),
            worker: Rc::clone(worker),
            buffer_limit,
        }))
    }

    /// Serves a client's connection until it ends.
    pub(crate) async fn serve(
        self: Rc<Self>,
        plugins: &NetworkPlugins,
        info: ConnectionInfo,
        client: Transport,
    ) {
        self.stats.downstream_cx_total.inc();
        let chain = plugins.chain(Rc::new(info));
        let state = Rc::clone(chain.state());
        let deadlines = Deadlines::new(&self.config, &state, self.worker.streams(), Instant::now());
        let watched: Weak<Deadlines> = Rc::downgrade(&deadlines);
        let slot = self.worker.timeouts.add(watched);
        let mut session = Session::new(client, chain, &self.stats, &deadlines, self.buffer_limit);
        let outcome = self.pass_on(&mut session).await;
        session.end(outcome).await;
        drop(session);
        self.worker.timeouts.remove(slot);
        self.finish(&state);
    }

    async fn pass_on(&self, session: &mut Session<'_>) -> Outcome {
        if !session.accepted().await {
            return Outcome::Closed;
        }
        let state = Rc::clone(session.state());
        if let Some(timeout) = filter_state::idle_timeout(&state) {
            session.set_idle_timeout(timeout);
        }
        let connected = tokio::select! {
            connected = upstream::connect(self, &state) => connected,
            () = session.closed() => None,
        };
        match connected {
            Some(upstream) => session.run(upstream).await,
            None => Outcome::Closed,
        }
    }

    /// Returns the cluster of a connection. As in Envoy, filters choose it where the configuration
    /// leaves no choice.
    pub(super) fn choose_cluster(&self, state: &ConnectionState) -> Option<Arc<str>> {
        if !self.config.by_weight
            && let Some(chosen) = filter_state::cluster(state)
        {
            return Some(chosen);
        }
        if let [(_, only)] = self.clusters.as_slice() {
            return Some(Arc::clone(only));
        }
        let sum: u64 = self
            .clusters
            .iter()
            .map(|(weight, _)| u64::from(*weight))
            .sum();
        let mut left = self.worker.random.number() % sum.max(1);
        self.clusters.iter().find_map(|(weight, name)| {
            let is_here = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            is_here.then(|| Arc::clone(name))
        })
    }

    fn finish(&self, state: &ConnectionState) {
        let stream = &state.stream;
        stream.info.times.end.set(Some(Instant::now()));
        self.access_log.iter().for_each(|logger| logger.log(stream));
    }
}

impl fmt::Debug for TcpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpProxy")
            .field("stat_prefix", &self.config.stat_prefix)
            .finish_non_exhaustive()
    }
}
