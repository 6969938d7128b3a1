//! `Controller`: takes a configuration from its check to being served by all workers.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tollgate_config::{Bootstrap, Discovery, Settings};

use super::discoveries::Discoveries;
use super::{
    Command, Deployment, Generation, GenerationId, Generations, ReloadReport, Reloads, Role,
    Sockets,
};
use crate::error::ServerError;
use crate::listener::{BoundListener, ListenerKey};
use crate::telemetry::Stats;
use crate::wasm::{LoadedPlugins, PluginError, WasmRuntime};

/// A configuration that is to be served.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What the files configure, file by file.
    pub bootstraps: Vec<Bootstrap>,
    /// What is Tollgate's own.
    pub settings: Arc<Settings>,
}

/// Directs the workers from one generation to the next.
pub(crate) struct Controller {
    pub(super) wasm: Arc<WasmRuntime>,
    pub(super) generations: Arc<Generations>,
    pub(super) reloads: Arc<Reloads>,
    discoveries: Arc<Discoveries>,
    pub(super) state: Mutex<State>,
}

/// A worker's role, and the way to it.
pub(crate) type Worker = (Role, UnboundedSender<Command>);

pub(super) struct State {
    pub(super) workers: Vec<Worker>,
    last_id: u64,
    pub(super) settings: Arc<Settings>,
    /// What was served before, while it may be returned to.
    pub(super) previous: Option<Previous>,
}

/// A generation that may be returned to.
pub(super) struct Previous {
    pub(super) generation: Arc<Generation>,
    pub(super) settings: Arc<Settings>,
}

/// Listeners that are new: where they are bound, and their sockets.
pub(super) type NewListeners = Vec<(ListenerKey, BoundListener)>;

impl Controller {
    /// Returns a controller of workers that serve nothing yet.
    pub(crate) fn new(
        wasm: &Arc<WasmRuntime>,
        generations: &Arc<Generations>,
        reloads: &Arc<Reloads>,
        workers: Vec<Worker>,
        stats: &Stats,
    ) -> Self {
        Self {
            discoveries: Discoveries::new(stats),
            reloads: Arc::clone(reloads),
            wasm: Arc::clone(wasm),
            generations: Arc::clone(generations),
            state: Mutex::new(State {
                workers,
                last_id: 0,
                settings: Arc::default(),
                previous: None,
            }),
        }
    }

    /// Serves a configuration instead of what is served now: checks it, prepares it on all workers
    /// and publishes it when all of them are ready. Blocks meanwhile, so it is not for a worker.
    ///
    /// # Errors
    ///
    /// When any of it fails. Then nothing has changed and nothing is left of it.
    pub(crate) fn deploy(
        self: &Arc<Self>,
        configuration: Configuration,
    ) -> Result<ReloadReport, ServerError> {
        // One after the other.
        let mut state = self.state.lock();
        let before = self.wasm.set_settings(Arc::clone(&configuration.settings));
        let bootstraps = configuration.bootstraps.iter();
        let discoveries: Vec<_> = bootstraps.flat_map(|one| one.discoveries.clone()).collect();
        let outcome = self.replace(&mut state, configuration);
        self.wasm.forget_sources();
        match &outcome {
            Ok(_) => self.discoveries.serve(&discoveries),
            Err(error) => {
                self.wasm.set_settings(before);
                self.discoveries.refuse(&discoveries, culprit(error));
            }
        }
        outcome
    }

    /// Counts the filters' files of a configuration that is refused as it was read.
    pub(super) fn refuse(&self, discoveries: &[Discovery]) {
        self.discoveries.refuse(discoveries, None);
    }

    fn replace(
        self: &Arc<Self>,
        state: &mut State,
        configuration: Configuration,
    ) -> Result<ReloadReport, ServerError> {
        let current = self.generations.current();
        let Configuration {
            bootstraps,
            settings,
        } = configuration;
        let refuse = |source| ServerError::Plugin(Box::new(source));
        let mut plugins = self.wasm.load_plugins(&bootstraps).map_err(refuse)?;
        if let Some(current) = &current
            && is_same(current, &bootstraps, &plugins)
            && state.settings == settings
        {
            return Ok(ReloadReport::unchanged(current));
        }
        let checked = self.wasm.check_plugins(&bootstraps, &mut plugins);
        checked.map_err(refuse)?;
        let id = GenerationId(state.last_id + 1);
        let (deployments, bound) = deployments(bootstraps, current.as_deref(), state)?;
        let generation = Generation::new(id, deployments, plugins);
        state.prepare(&generation, bound)?;
        state.last_id = id.0;
        let drain = settings.reload.drain_timeout;
        let settings = std::mem::replace(&mut state.settings, settings);
        state.publish(drain);
        self.generations.set_current(&generation);
        state.previous = current.clone().map(|generation| Previous {
            generation,
            settings,
        });
        self.watch_over(state, &generation);
        Ok(ReloadReport::between(current.as_deref(), &generation))
    }

    /// Compiles modules that a reload is about to load.
    pub(super) fn prepare(&self, modules: Vec<Bytes>) {
        self.wasm.prepare(modules);
    }

    /// Waits until all faults of plugins are explained.
    pub(crate) fn finish_faults(&self) {
        self.wasm.faults().finish();
    }

    /// Returns the settings of what is served.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.state.lock().settings)
    }

    /// Returns the generations.
    pub(crate) fn generations(&self) -> &Arc<Generations> {
        &self.generations
    }
}

/// Returns the name of the plugin that does not start.
fn culprit(error: &ServerError) -> Option<&str> {
    match error {
        ServerError::Plugin(source) => source.downcast_ref::<PluginError>()?.plugin(),
        _ => None,
    }
}

/// Prepares configurations, and binds those of their listeners that are not bound yet.
fn deployments(
    bootstraps: Vec<Bootstrap>,
    current: Option<&Generation>,
    state: &State,
) -> Result<(Vec<Deployment>, NewListeners), ServerError> {
    let mut new = NewListeners::new();
    let mut known: Vec<(ListenerKey, SocketAddr)> =
        current.map_or_else(Vec::new, |current| current.listeners().collect());
    let workers = state.socket_count();
    let mut bind = |listener: &tollgate_config::Listener| {
        let key = ListenerKey::of(listener);
        // Each key once: two listeners of one address would take connections from each other.
        if let Some(index) = known.iter().position(|(known, _)| *known == key) {
            return Ok(known.swap_remove(index).1);
        }
        let bound = BoundListener::bind(listener.address, workers);
        let bound = bound.map_err(|source| ServerError::Bind {
            listener: listener.name.clone(),
            address: listener.address,
            source,
        })?;
        let address = bound.address;
        new.push((key, bound));
        Ok(address)
    };
    let mut deployments = Vec::new();
    for (index, bootstrap) in bootstraps.into_iter().enumerate() {
        let before = current.and_then(|current| current.deployments().get(index));
        deployments.push(Deployment::new(bootstrap, before, &mut bind)?);
    }
    let serves = |deployment: &Deployment| {
        let bootstrap = &deployment.bootstrap;
        !bootstrap.listeners.is_empty() || !bootstrap.wasm_services.is_empty()
    };
    if !deployments.iter().any(serves) {
        return Err(ServerError::NoListener);
    }
    Ok((deployments, new))
}

/// Returns whether everything that is configured is served as it is.
fn is_same(current: &Generation, bootstraps: &[Bootstrap], plugins: &LoadedPlugins) -> bool {
    let served = current.deployments().iter();
    current.plugins().has_same_code(plugins)
        && current.deployments().len() == bootstraps.len()
        && served
            .zip(bootstraps)
            .all(|(served, new)| served.bootstrap == *new)
}

impl State {
    pub(super) fn socket_count(&self) -> usize {
        let roles = self.workers.iter().map(|(role, _)| *role);
        roles.filter(|role| *role == Role::Streams).count()
    }

    /// Has all workers prepare a generation.
    fn prepare(
        &self,
        generation: &Arc<Generation>,
        mut bound: NewListeners,
    ) -> Result<(), ServerError> {
        let (ready, outcomes) = mpsc::channel();
        for (role, worker) in &self.workers {
            let sockets = match role {
                Role::Streams => sockets_of_one(&mut bound),
                Role::Services => Sockets::new(),
            };
            let command = Command::Prepare {
                generation: Arc::clone(generation),
                sockets,
                ready: ready.clone(),
            };
            // One that is gone is missed below.
            drop(worker.send(command));
        }
        drop(ready);
        let mut outcome = Ok(());
        for _ in &self.workers {
            // A worker that ends without a word has panicked, which its thread has reported.
            let prepared = outcomes.recv().unwrap_or(Err(ServerError::WorkerFailed));
            outcome = outcome.and(prepared);
        }
        if outcome.is_err() {
            self.tell_all(|| Command::Discard);
        }
        outcome
    }

    /// Has all workers serve what they have prepared, and waits until they do.
    fn publish(&self, drain: Duration) {
        let (done, told) = mpsc::channel();
        self.tell_all(|| Command::Publish {
            drain,
            done: done.clone(),
        });
        drop(done);
        // Ends when every worker has answered or is gone.
        while told.recv().is_ok() {}
    }

    pub(super) fn tell_all(&self, command: impl Fn() -> Command) {
        for (_, worker) in &self.workers {
            // A worker that is gone does nothing any more.
            drop(worker.send(command()));
        }
    }
}

pub(super) fn sockets_of_one(bound: &mut NewListeners) -> Sockets {
    let sockets = bound.iter_mut();
    let taken = sockets.filter_map(|(key, bound)| Some((key.clone(), bound.take()?)));
    taken.collect()
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("generations", &self.generations)
            .finish_non_exhaustive()
    }
}
