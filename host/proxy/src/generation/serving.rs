//! `Serving`: one generation on one worker.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tollgate_config::{FilterChain, NetworkFilter};

use super::{Deployment, Generation, GenerationId, WorkerStreams};
use crate::cluster::ClusterManager;
use crate::error::ServerError;
use crate::http::Manager;
use crate::listener::{ChainService, FilterChains, Listener, ListenerKey, Terminal};
use crate::network::NetworkPlugins;
use crate::tcp::TcpProxy;
use crate::telemetry::{Hosts, listener_prefix};
use crate::timeouts::Timeouts;
use crate::wasm::{PluginRegistry, WasmRuntime};
use crate::worker::{WorkerContext, WorkerShared};

/// What the thread of a worker serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Listeners, and the Wasm services that run on every worker.
    Streams,
    /// The Wasm services of the process (`envoy.bootstrap.wasm`). As in Envoy every service runs
    /// here, on the main thread there; one that is no singleton runs on every worker besides.
    Services,
}

/// What a worker makes generations from.
#[derive(Clone)]
pub(crate) struct Materials {
    pub(crate) wasm: Arc<WasmRuntime>,
    pub(crate) hosts: Hosts,
    pub(crate) shared: WorkerShared,
    pub(crate) role: Role,
}

/// One generation as this worker serves it.
pub(crate) struct Serving {
    generation: Arc<Generation>,
    streams: Rc<WorkerStreams>,
    parts: Vec<Part>,
    listeners: HashMap<ListenerKey, Rc<Listener>>,
}

/// One configuration of it.
struct Part {
    clusters: Rc<ClusterManager>,
    plugins: PluginRegistry,
}

impl Serving {
    /// Prepares a generation; what has not changed is taken over from the one `before`.
    ///
    /// # Errors
    ///
    /// When something cannot be used or a plugin does not start.
    pub(crate) async fn prepare(
        materials: &Materials,
        generation: &Arc<Generation>,
        before: Option<&Self>,
    ) -> Result<Rc<Self>, ServerError> {
        let streams = WorkerStreams::new(generation);
        let mut new = Self {
            generation: Arc::clone(generation),
            streams,
            parts: Vec::new(),
            listeners: HashMap::new(),
        };
        for (index, deployment) in generation.deployments().iter().enumerate() {
            let has_services = !deployment.bootstrap.wasm_services.is_empty();
            if materials.role == Role::Streams || has_services {
                let before = before.and_then(|before| before.parts.get(index));
                new.add(materials, deployment, before).await?;
            }
        }
        Ok(Rc::new(new))
    }

    async fn add(
        &mut self,
        materials: &Materials,
        deployment: &Deployment,
        before: Option<&Part>,
    ) -> Result<(), ServerError> {
        let shared = &materials.shared;
        let clusters = Rc::new(ClusterManager::new(
            &deployment.clusters,
            &shared.random,
            &shared.stats,
            &materials.hosts,
            before.map(|before| &*before.clusters),
        ));
        clusters.start().await;
        let context = WorkerContext::new(Rc::clone(&clusters), shared, &self.streams);
        let node = &deployment.bootstrap.node;
        let before = before.map(|before| &before.plugins);
        let (stats, faults) = (&context.stats, self.generation.faults());
        let plugins = PluginRegistry::new(&materials.wasm, &clusters, node, stats, faults, before);
        for service in &deployment.bootstrap.wasm_services {
            if materials.role == Role::Services || !service.singleton {
                let started = plugins.add(&service.plugin);
                started.map_err(|source| ServerError::Plugin(Box::new(source)))?;
            }
        }
        if materials.role == Role::Streams {
            self.add_listeners(deployment, &context, &plugins).await?;
        }
        self.parts.push(Part { clusters, plugins });
        Ok(())
    }

    async fn add_listeners(
        &mut self,
        deployment: &Deployment,
        context: &Rc<WorkerContext>,
        plugins: &PluginRegistry,
    ) -> Result<(), ServerError> {
        let id = self.id().number();
        for (config, tls) in deployment.bootstrap.listeners.iter().zip(&deployment.tls) {
            let chains = config
                .filter_chains
                .iter()
                .chain(&config.default_filter_chain);
            let mut services = Vec::new();
            for chain in chains {
                let service = service(chain, context, plugins, config);
                services.push(service.map_err(|source| ServerError::Listener {
                    listener: config.name.clone(),
                    source,
                })?);
                // The streams of the generation that is served come first.
                tokio::task::yield_now().await;
            }
            let chains = FilterChains::new(config, services, tls);
            let listener = Listener::new(config, id, chains, context);
            self.listeners.insert(listener.key().clone(), listener);
        }
        Ok(())
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> GenerationId {
        self.generation.id()
    }

    /// Returns what the whole process knows of it.
    pub(crate) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Returns a listener.
    pub(crate) fn listener(&self, key: &ListenerKey) -> Option<&Rc<Listener>> {
        self.listeners.get(key)
    }

    /// It is served from now on: its plugins may tick.
    pub(crate) fn serve(&self) {
        self.parts.iter().for_each(|part| part.plugins.serve());
    }

    /// `current` is served from now on: what that has not taken over rests.
    pub(crate) fn rest(&self, current: &Self) {
        let registries: Vec<_> = current.parts.iter().map(|part| &part.plugins).collect();
        self.parts
            .iter()
            .for_each(|part| part.plugins.rest(&registries));
    }

    /// Ends it: waits for its streams until the deadline, ends those that are left, and lets the
    /// plugins finish.
    pub(crate) async fn retire(&self, deadline: Instant, timeouts: &Timeouts) {
        let ended = tokio::time::timeout_at(deadline.into(), self.streams.ended_all());
        if ended.await.is_err() {
            let left = self.streams.active();
            tracing::warn!(generation = %self.id(), left, "the time to drain is over");
            self.streams.expire();
            timeouts.check_all(Instant::now());
            let ended = tokio::time::timeout(EXPIRY_GRACE, self.streams.ended_all());
            if ended.await.is_err() {
                tracing::warn!(generation = %self.id(), "streams do not end");
            }
        }
        for part in &self.parts {
            part.plugins.finish().await;
        }
    }

    /// The process ends: tells all plugins.
    pub(crate) fn shut_down(&self) {
        self.parts.iter().for_each(|part| part.plugins.shut_down());
    }
}

/// Time in which streams that were told to end may do so.
const EXPIRY_GRACE: std::time::Duration = std::time::Duration::from_secs(1);

/// Makes what serves the connections of a chain.
fn service(
    chain: &FilterChain,
    context: &Rc<WorkerContext>,
    plugins: &PluginRegistry,
    listener: &tollgate_config::Listener,
) -> Result<ChainService, Box<dyn std::error::Error + Send + Sync>> {
    let limit = listener.per_connection_buffer_limit_bytes;
    let terminal = match &chain.filter {
        NetworkFilter::HttpConnectionManager(config) => {
            let prefix = listener_prefix(listener.address);
            let manager = Manager::new(config, context, plugins, &prefix, limit)?;
            Terminal::Http(manager)
        }
        NetworkFilter::TcpProxy(config) => {
            Terminal::Tcp(TcpProxy::new(config, context, plugins, limit)?)
        }
    };
    Ok(ChainService {
        plugins: NetworkPlugins::new(&chain.plugins, plugins)?,
        terminal,
        buffer_limit: limit,
    })
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}
