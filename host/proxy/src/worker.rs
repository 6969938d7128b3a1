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

/// What the streams of one configuration share on one worker.
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
    draining: Cell<bool>,
    connections: Cell<usize>,
    all_closed: Notify,
}

impl WorkerContext {
    /// Returns the context of a configuration.
    pub(crate) fn new(
        clusters: Rc<ClusterManager>,
        random: Rc<Random>,
        own_address: IpAddr,
        stats: Stats,
        access_logs: Arc<AccessLogWriter>,
    ) -> Rc<Self> {
        let timeouts = Rc::default();
        Rc::new(Self {
            clusters,
            timeouts,
            random,
            own_address,
            stats,
            access_logs,
            draining: Cell::new(false),
            connections: Cell::new(0),
            all_closed: Notify::new(),
        })
    }

    /// Returns whether connections are to end with their current streams.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Lets all connections end with their current streams, and waits for it.
    pub(crate) async fn drain(&self) {
        self.draining.set(true);
        self.timeouts.check_all(std::time::Instant::now());
        while self.connections.get() > 0 {
            self.all_closed.notified().await;
        }
    }

    /// Counts a client's connection until what it returns is dropped.
    pub(crate) fn count_connection(self: &Rc<Self>) -> CountedConnection {
        self.connections.set(self.connections.get() + 1);
        CountedConnection(Rc::clone(self))
    }
}

/// A client's connection in its worker's count.
#[derive(Debug)]
pub(crate) struct CountedConnection(Rc<WorkerContext>);

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let left = self.0.connections.get().saturating_sub(1);
        self.0.connections.set(left);
        if left == 0 {
            self.0.all_closed.notify_one();
        }
    }
}

impl fmt::Debug for WorkerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerContext")
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}
