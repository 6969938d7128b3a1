//! Server: configurations become bound listeners and worker threads; signals end them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tollgate_config::{Bootstrap, NetworkFilter, Settings};

use crate::admin::{Admin, AdminContext, BoundAdmin, ServerState, StateCell};
use crate::cluster::SharedClusters;
use crate::error::ServerError;
use crate::http::access_log::AccessLogWriter;
use crate::listener::{BoundListener, ListenerTls, own_address};
use crate::signals::Signals;
use crate::telemetry::{Hosts, Stats};
use crate::tls::ServerTls;
use crate::wasm::WasmRuntime;
use crate::wasm_services;
use crate::worker_thread::{self, WorkerPlan};

/// How often is looked whether draining workers are done.
const WORKER_CHECK: Duration = Duration::from_millis(10);
/// Time in which TCP connections may end by themselves: a connection manager's default.
const TCP_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a [`Server`] runs, apart from what Envoy's configuration says.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Number of worker threads; by default one per core.
    pub concurrency: Option<usize>,
    /// Where the admin interface listens, instead of what the configuration says.
    pub admin_address: Option<SocketAddr>,
    /// Isolation, limits and whatever else is Tollgate's own.
    pub settings: Arc<Settings>,
}

/// The proxy.
#[derive(Debug)]
pub struct Server;

/// What workers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Serve.
    Serving,
    /// Accept nothing more and finish what is there.
    Draining,
    /// Stop at once.
    Stopped,
}

/// One configuration, bound and prepared for all workers.
pub(crate) struct Deployment {
    pub(crate) bootstrap: Bootstrap,
    pub(crate) clusters: SharedClusters,
    pub(crate) tls: Vec<ListenerTls>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// A proxy that serves. Dropping it stops it at once.
#[derive(Debug)]
pub struct RunningServer {
    listeners: Vec<(String, SocketAddr)>,
    phase: Arc<watch::Sender<Phase>>,
    workers: Vec<JoinHandle<()>>,
    state: StateCell,
    access_logs: Arc<AccessLogWriter>,
    /// Dropped last: it answers while the workers drain.
    admins: Vec<Admin>,
}

impl Server {
    /// Starts every plugin once and throws it away, as Envoy's `--mode validate` does.
    ///
    /// # Errors
    ///
    /// When a module is refused or a plugin does not start.
    pub fn validate(bootstraps: &[Bootstrap], settings: &Settings) -> Result<(), ServerError> {
        WasmRuntime::new(&Stats::new(), Arc::new(settings.clone()))
            .check_plugins(bootstraps)
            .map(drop)
            .map_err(|source| ServerError::Plugin(Box::new(source)))
    }

    /// Binds every listener of every configuration, starts the workers, and returns once all of
    /// them serve.
    ///
    /// # Errors
    ///
    /// When anything cannot be bound, prepared or started. Nothing is left behind then: no
    /// connection has been accepted.
    pub fn start(
        bootstraps: Vec<Bootstrap>,
        options: ServerOptions,
    ) -> Result<RunningServer, ServerError> {
        let ServerOptions {
            concurrency,
            admin_address,
            settings,
        } = options;
        let workers = concurrency.unwrap_or_else(default_concurrency).max(1);
        let stats = Stats::new();
        let wasm = WasmRuntime::new(&stats, settings);
        let leases = wasm
            .check_plugins(&bootstraps)
            .map_err(|source| ServerError::Plugin(Box::new(source)))?;
        let mut deployments = Vec::new();
        let mut bound = Vec::new();
        for bootstrap in bootstraps {
            let listeners = bind_all(&bootstrap, workers)?;
            deployments.push(prepare(bootstrap, &listeners)?);
            bound.push(listeners);
        }
        let listeners = named_addresses(&deployments);
        if listeners.is_empty() && !wasm_services::are_configured(&deployments) {
            return Err(ServerError::NoListener);
        }
        let access_logs = AccessLogWriter::start(&stats)
            .map_err(|source| ServerError::AccessLog(Box::new(source)))?;
        let admins = bind_admins(&deployments, admin_address)?;
        let plan = WorkerPlan {
            deployments: Arc::new(deployments),
            wasm,
            _leases: Arc::new(leases),
            stats,
            hosts: Hosts::default(),
            access_logs: Arc::new(access_logs),
            own_address: own_address(),
        };
        let (phase, watch) = watch::channel(Phase::Serving);
        let mut server = RunningServer {
            listeners,
            phase: Arc::new(phase),
            workers: Vec::new(),
            state: StateCell::new(),
            access_logs: Arc::clone(&plan.access_logs),
            admins: Vec::new(),
        };
        server.start_workers(workers, &plan, &mut bound, &watch)?;
        server.state.set(ServerState::Live);
        for admin in admins {
            let context = server.admin_context(&plan, workers);
            let admin = admin.serve(context);
            server
                .admins
                .push(admin.map_err(|error| ServerError::Admin(Box::new(error)))?);
        }
        Ok(server)
    }
}

fn default_concurrency() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn bind_all(bootstrap: &Bootstrap, workers: usize) -> Result<Vec<BoundListener>, ServerError> {
    let bind = |listener: &tollgate_config::Listener| {
        BoundListener::bind(listener.address, workers).map_err(|source| ServerError::Bind {
            listener: listener.name.clone(),
            address: listener.address,
            source,
        })
    };
    bootstrap.listeners.iter().map(bind).collect()
}

/// Binds the admin address that was given, or those of the configurations.
fn bind_admins(
    deployments: &[Deployment],
    given: Option<SocketAddr>,
) -> Result<Vec<BoundAdmin>, ServerError> {
    let configured = deployments
        .iter()
        .filter_map(|deployment| deployment.bootstrap.admin);
    let addresses: Vec<SocketAddr> = match given {
        Some(address) => vec![address],
        None => configured.collect(),
    };
    let bind = |address| BoundAdmin::bind(address).map_err(|e| ServerError::Admin(Box::new(e)));
    addresses.into_iter().map(bind).collect()
}

fn prepare(bootstrap: Bootstrap, bound: &[BoundListener]) -> Result<Deployment, ServerError> {
    let clusters = SharedClusters::new(&bootstrap.clusters)?;
    let tls = bootstrap
        .listeners
        .iter()
        .map(listener_tls)
        .collect::<Result<_, _>>()?;
    let addresses = bound.iter().map(|listener| listener.address).collect();
    Ok(Deployment {
        bootstrap,
        clusters,
        tls,
        addresses,
    })
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

fn named_addresses(deployments: &[Deployment]) -> Vec<(String, SocketAddr)> {
    let pairs = deployments.iter().flat_map(|deployment| {
        let listeners = deployment.bootstrap.listeners.iter();
        listeners
            .map(|listener| listener.name.clone())
            .zip(deployment.addresses.iter().copied())
    });
    pairs.collect()
}

impl RunningServer {
    /// Returns the listeners by name with the addresses they are bound to.
    #[must_use]
    pub fn listener_addresses(&self) -> Vec<(String, SocketAddr)> {
        self.listeners.clone()
    }

    /// Returns where the admin interface listens, if it does.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admins.first().map(Admin::address)
    }

    fn admin_context(&self, plan: &WorkerPlan, concurrency: usize) -> AdminContext {
        let phase = Arc::clone(&self.phase);
        let deployments = plan.deployments.iter();
        AdminContext {
            stats: plan.stats.clone(),
            hosts: plan.hosts.clone(),
            bootstraps: deployments
                .map(|deployment| deployment.bootstrap.clone())
                .collect(),
            listeners: self.listeners.clone(),
            state: self.state.clone(),
            concurrency,
            started: (SystemTime::now(), Instant::now()),
            access_logs: Arc::clone(&plan.access_logs),
            faults: Arc::clone(plan.wasm.faults()),
            quit: Box::new(move || {
                phase.send_replace(Phase::Draining);
            }),
        }
    }

    /// Stops accepting, finishes the streams that are there, and returns when all workers are
    /// done, at the latest after the longest drain timeout.
    pub fn drain_and_wait(mut self) {
        self.start_draining();
        self.join();
    }

    fn start_draining(&self) {
        self.state.set(ServerState::Draining);
        self.phase.send_replace(Phase::Draining);
    }

    /// Serves until a signal comes, then drains. A second signal stops at once. One that came since
    /// `signals` were registered counts, so that nothing is lost while the server starts.
    pub fn wait_for_signal(mut self, signals: Signals) {
        let mut told = self.phase.subscribe();
        let Signals {
            runtime,
            mut received,
        } = signals;
        runtime.block_on(async {
            tokio::select! {
                () = received.next() => {}
                // Told so by the admin interface.
                _ = told.wait_for(|phase| *phase != Phase::Serving) => {}
            }
            tracing::info!("draining; a second signal stops at once");
            self.start_draining();
            tokio::select! {
                () = received.next() => {
                    self.phase.send_replace(Phase::Stopped);
                }
                () = self.workers_done() => {}
            }
        });
        self.join();
    }

    /// Waits until no worker follows the phase any more.
    async fn workers_done(&self) {
        while !self.workers.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(WORKER_CHECK).await;
        }
    }

    fn start_workers(
        &mut self,
        count: usize,
        plan: &WorkerPlan,
        bound: &mut [Vec<BoundListener>],
        phase: &watch::Receiver<Phase>,
    ) -> Result<(), ServerError> {
        let (ready, outcomes) = mpsc::channel();
        for index in 0..count {
            let sockets = bound.iter_mut().map(|deployment| {
                deployment
                    .iter_mut()
                    .filter_map(BoundListener::take)
                    .collect()
            });
            let stats = plan.stats.for_worker();
            let (sockets, plan) = (
                sockets.collect(),
                WorkerPlan {
                    stats,
                    ..plan.clone()
                },
            );
            let (phase, ready) = (phase.clone(), ready.clone());
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || worker_thread::run(plan, sockets, phase, &ready))
                .map_err(|source| ServerError::System {
                    what: "a worker thread",
                    source,
                })?;
            self.workers.push(thread);
        }
        let has_services = wasm_services::are_configured(&plan.deployments);
        if has_services {
            let (plan, phase, ready) = (plan.clone(), phase.clone(), ready.clone());
            let thread = std::thread::Builder::new()
                .name("wasm-services".to_owned())
                .spawn(move || wasm_services::run(&plan, phase, &ready))
                .map_err(|source| ServerError::System {
                    what: "the thread of the Wasm services",
                    source,
                })?;
            self.workers.push(thread);
        }
        drop(ready);
        // A worker that ends without a word has panicked, which its thread has reported.
        for _ in 0..count + usize::from(has_services) {
            outcomes.recv().unwrap_or(Err(ServerError::WorkerFailed))?;
        }
        Ok(())
    }

    fn join(&mut self) {
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        self.access_logs.flush();
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        self.join();
    }
}

/// The longest drain timeout of a configuration.
pub(crate) fn drain_timeout(bootstrap: &Bootstrap) -> Duration {
    let listeners = bootstrap.listeners.iter();
    let chains = listeners.flat_map(|l| l.filter_chains.iter().chain(&l.default_filter_chain));
    let timeouts = chains.map(|chain| match &chain.filter {
        NetworkFilter::HttpConnectionManager(manager) => manager.drain_timeout,
        NetworkFilter::TcpProxy(_) => TCP_DRAIN_TIMEOUT,
    });
    timeouts.max().unwrap_or_default()
}
