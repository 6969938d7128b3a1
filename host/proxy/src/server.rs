//! Server: configurations become bound listeners and worker threads; signals end them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tollgate_config::{Bootstrap, Settings};

use crate::admin::{Admin, AdminContext, BoundAdmin, ServerState, StateCell};
use crate::error::ServerError;
use crate::generation::{
    Configuration, ConfigurationSource, Controller, GenerationId, Generations, ReloadError,
    ReloadReport, Reloads, Role, Trigger, Worker,
};
use crate::http::access_log::AccessLogWriter;
use crate::listener::own_address;
use crate::signals::Signals;
use crate::telemetry::{Hosts, Stats};
use crate::wasm::WasmRuntime;
use crate::worker_thread::{self, WorkerPlan};

/// How often is looked whether draining workers are done.
const WORKER_CHECK: Duration = Duration::from_millis(10);

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

/// A proxy that serves. Dropping it stops it at once.
#[derive(Debug)]
pub struct RunningServer {
    /// There is one from the start of the workers on.
    controller: Option<Arc<Controller>>,
    phase: Arc<watch::Sender<Phase>>,
    workers: Vec<JoinHandle<()>>,
    state: StateCell,
    access_logs: Arc<AccessLogWriter>,
    /// Dropped last: it answers while the workers drain.
    admins: Vec<Admin>,
    reloads: Arc<Reloads>,
    reloading: Option<JoinHandle<()>>,
    started: SystemTime,
}

impl Server {
    /// Starts every plugin once and throws it away, as Envoy's `--mode validate` does.
    ///
    /// # Errors
    ///
    /// When a module is refused or a plugin does not start.
    pub fn validate(bootstraps: &[Bootstrap], settings: &Settings) -> Result<(), ServerError> {
        let runtime = WasmRuntime::new(&Stats::new(), Arc::new(settings.clone()));
        let loaded = runtime.load_plugins(bootstraps);
        let checked = loaded.and_then(|mut loaded| runtime.check_plugins(bootstraps, &mut loaded));
        runtime.faults().finish();
        checked.map_err(|source| ServerError::Plugin(Box::new(source)))
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
        let started = SystemTime::now();
        let count = concurrency.unwrap_or_else(default_concurrency).max(1);
        let stats = Stats::new();
        let wasm = WasmRuntime::new(&stats, Arc::clone(&settings));
        let access_logs = AccessLogWriter::start(&stats)
            .map_err(|source| ServerError::AccessLog(Box::new(source)))?;
        let admins = bind_admins(&bootstraps, admin_address)?;
        let plan = WorkerPlan {
            wasm,
            stats,
            hosts: Hosts::default(),
            access_logs: Arc::new(access_logs),
            own_address: own_address(),
            role: Role::Streams,
        };
        let (phase, watch) = watch::channel(Phase::Serving);
        let mut server = RunningServer {
            controller: None,
            phase: Arc::new(phase),
            workers: Vec::new(),
            state: StateCell::new(),
            access_logs: Arc::clone(&plan.access_logs),
            admins: Vec::new(),
            reloads: Reloads::new(&plan.stats),
            reloading: None,
            started,
        };
        let generations = Generations::new(&plan.stats);
        let workers = server.start_workers(count, &plan, &watch)?;
        let controller = Controller::new(
            &plan.wasm,
            &generations,
            &server.reloads,
            workers,
            &plan.stats,
        );
        let controller = server.controller.insert(Arc::new(controller));
        controller.deploy(Configuration {
            bootstraps,
            settings,
        })?;
        server.state.set(ServerState::Live);
        for admin in admins {
            let context = server.admin_context(&plan, &generations, count);
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

/// Binds the admin address that was given, or those of the configurations.
fn bind_admins(
    bootstraps: &[Bootstrap],
    given: Option<SocketAddr>,
) -> Result<Vec<BoundAdmin>, ServerError> {
    let configured = bootstraps.iter().filter_map(|bootstrap| bootstrap.admin);
    let addresses: Vec<SocketAddr> = match given {
        Some(address) => vec![address],
        None => configured.collect(),
    };
    let bind = |address| BoundAdmin::bind(address).map_err(|e| ServerError::Admin(Box::new(e)));
    addresses.into_iter().map(bind).collect()
}

impl RunningServer {
    /// Returns the listeners by name with the addresses they are bound to.
    #[must_use]
    pub fn listener_addresses(&self) -> Vec<(String, SocketAddr)> {
        let current = self.generations().and_then(|all| all.current());
        current.map_or_else(Vec::new, |current| current.listener_addresses())
    }

    /// Returns the number of the generation that is served.
    #[must_use]
    pub fn generation(&self) -> Option<GenerationId> {
        Some(self.generations()?.current()?.id())
    }

    /// Serves another configuration. Connections and streams go on: each stream to its end by what
    /// was served when it started. Blocks until all workers serve it.
    ///
    /// # Errors
    ///
    /// When anything of it cannot be prepared. Then what is served stays.
    pub fn reload(&self, configuration: Configuration) -> Result<ReloadReport, ReloadError> {
        let serves = *self.phase.borrow() == Phase::Serving;
        let controller = self.controller.as_ref().filter(|_| serves);
        Ok(controller
            .ok_or(ReloadError::Ending)?
            .deploy(configuration)?)
    }

    /// From now on reads the configuration again on SIGHUP, when the admin interface is asked to
    /// and, if the settings say so, when one of its files changes, and serves what has changed.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub fn reload_from(
        &mut self,
        source: impl ConfigurationSource + 'static,
    ) -> Result<(), ServerError> {
        if let Some(controller) = &self.controller {
            let thread = self
                .reloads
                .start(controller, Box::new(source), self.started)?;
            self.reloading = Some(thread);
        }
        Ok(())
    }

    fn generations(&self) -> Option<&Arc<Generations>> {
        Some(self.controller.as_ref()?.generations())
    }

    /// Returns where the admin interface listens, if it does.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admins.first().map(Admin::address)
    }

    fn admin_context(
        &self,
        plan: &WorkerPlan,
        generations: &Arc<Generations>,
        concurrency: usize,
    ) -> AdminContext {
        let phase = Arc::clone(&self.phase);
        AdminContext {
            stats: plan.stats.clone(),
            hosts: plan.hosts.clone(),
            generations: Arc::clone(generations),
            reloads: Arc::clone(&self.reloads),
            state: self.state.clone(),
            concurrency,
            started: (SystemTime::now(), Instant::now()),
            access_logs: Arc::clone(&plan.access_logs),
            faults: Arc::clone(plan.wasm.faults()),
            failing_plugins: Arc::clone(plan.wasm.failing_plugins()),
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

    /// Serves until a signal comes that ends it, then drains. A second signal stops at once. One that came since
    /// `signals` were registered counts, so that nothing is lost while the server starts.
    pub fn wait_for_signal(mut self, signals: Signals) {
        let mut told = self.phase.subscribe();
        let Signals {
            runtime,
            mut received,
        } = signals;
        runtime.block_on(async {
            tokio::select! {
                () = received.end(|| self.reloads.ask(Trigger::Signal)) => {}
                // Told so by the admin interface.
                _ = told.wait_for(|phase| *phase != Phase::Serving) => {}
            }
            tracing::info!("draining; a second signal stops at once");
            self.start_draining();
            tokio::select! {
                () = received.end(|| true) => {
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

    /// Starts the threads; they serve nothing yet.
    fn start_workers(
        &mut self,
        count: usize,
        plan: &WorkerPlan,
        phase: &watch::Receiver<Phase>,
    ) -> Result<Vec<Worker>, ServerError> {
        let (ready, outcomes) = mpsc::channel();
        let mut commands = Vec::new();
        for index in 0..=count {
            let (role, name) = match index == count {
                true => (Role::Services, "wasm-services".to_owned()),
                false => (Role::Streams, format!("worker-{index}")),
            };
            let stats = match role {
                Role::Streams => plan.stats.for_worker(),
                Role::Services => plan.stats.clone(),
            };
            let plan = WorkerPlan {
                stats,
                role,
                ..plan.clone()
            };
            let (sender, told) = unbounded_channel();
            let (phase, ready) = (phase.clone(), ready.clone());
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || worker_thread::run(plan, told, phase, &ready))
                .map_err(|source| ServerError::System {
                    what: "a worker thread",
                    source,
                })?;
            self.workers.push(thread);
            commands.push((role, sender));
        }
        drop(ready);
        // A worker that ends without a word has panicked, which its thread has reported.
        for _ in &commands {
            outcomes.recv().unwrap_or(Err(ServerError::WorkerFailed))?;
        }
        Ok(commands)
    }

    fn join(&mut self) {
        self.reloads.stop();
        if let Some(thread) = self.reloading.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reloads panicked");
        }
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        self.access_logs.flush();
        if let Some(controller) = &self.controller {
            controller.finish_faults();
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        self.join();
    }
}
