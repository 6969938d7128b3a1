//! Worker: one thread, its runtime, and the only place that starts tasks.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::cluster::ClusterManager;
use crate::generation::WorkerStreams;
use crate::http::access_log::AccessLogWriter;
use crate::random::Random;
use crate::telemetry::Stats;
use crate::timeouts::Timeouts;

/// Starts a task on this worker. Tasks never leave their worker, so they may share `Rc`s.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    tokio::task::spawn_local(task)
}

/// Starts hyper's own tasks on this worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        spawn(task);
    }
}

/// What everything on one worker shares, whatever generation it belongs to.
#[derive(Clone)]
pub(crate) struct WorkerShared {
    /// Deadlines of streams and connections.
    pub(crate) timeouts: Rc<Timeouts>,
    /// Random numbers.
    pub(crate) random: Rc<Random>,
    /// Clients' connections.
    pub(crate) connections: Rc<Connections>,
    /// An address of this machine.
    pub(crate) own_address: IpAddr,
    /// Statistics as this worker counts them.
    pub(crate) stats: Stats,
    /// Access logs of the process.
    pub(crate) access_logs: Arc<AccessLogWriter>,
}

/// What the streams of one configuration share on one worker, for one generation.
pub(crate) struct WorkerContext {
    /// Clusters by name.
    pub(crate) clusters: Rc<ClusterManager>,
    /// Deadlines of streams and connections.
    pub(crate) timeouts: Rc<Timeouts>,
    /// Random numbers.
    pub(crate) random: Rc<Random>,
    /// An address of this machine.
    pub(crate) own_address: IpAddr,
    /// Statistics as this worker counts them.
    pub(crate) stats: Stats,
    /// Access logs of the process.
    pub(crate) access_logs: Arc<AccessLogWriter>,
    connections: Rc<Connections>,
    streams: Rc<WorkerStreams>,
}

/// The clients' connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    draining: Cell<bool>,
    open: Cell<usize>,
    all_closed: Notify,
}

impl WorkerContext {
    /// Returns the context of a configuration; `streams` counts what it serves.
    pub(crate) fn new(
        clusters: Rc<ClusterManager>,
        shared: &WorkerShared,
        streams: &Rc<WorkerStreams>,
    ) -> Rc<Self> {
        let shared = shared.clone();
        Rc::new(Self {
            clusters,
            timeouts: shared.timeouts,
            random: shared.random,
            own_address: shared.own_address,
            stats: shared.stats,
            access_logs: shared.access_logs,
            connections: shared.connections,
            streams: Rc::clone(streams),
        })
    }

    /// Returns whether connections are to end with their current streams.
    pub(crate) fn is_draining(&self) -> bool {
        self.connections.draining.get()
    }

    /// Returns the streams of this generation on this worker.
    pub(crate) fn streams(&self) -> &Rc<WorkerStreams> {
        &self.streams
    }

    /// Counts a client's connection until what it returns is dropped.
    pub(crate) fn count_connection(&self) -> CountedConnection {
        let connections = Rc::clone(&self.connections);
        connections.open.set(connections.open.get() + 1);
        CountedConnection(connections)
    }
}

impl WorkerShared {
    /// Lets all connections end with their current streams, and waits for it.
    pub(crate) async fn drain(&self) {
        self.connections.draining.set(true);
        self.timeouts.check_all(std::time::Instant::now());
        while self.connections.open.get() > 0 {
            self.connections.all_closed.notified().await;
        }
    }
}

/// A client's connection in its worker's count.
#[derive(Debug)]
pub(crate) struct CountedConnection(Rc<Connections>);

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let left = self.0.open.get().saturating_sub(1);
        self.0.open.set(left);
        if left == 0 {
            self.0.all_closed.notify_one();
        }
    }
}

impl fmt::Debug for WorkerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerContext")
            .field("connections", &self.connections)
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}
