//! A worker's thread: its runtime, its listeners and plugins, and its end.

use std::net::{IpAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::watch;
use tokio::task::LocalSet;
use tollgate_config::{FilterChain, NetworkFilter};

use crate::cluster::ClusterManager;
use crate::error::ServerError;
use crate::http::Manager;
use crate::http::access_log::AccessLogWriter;
use crate::listener::{ChainService, FilterChains, Listener, Terminal};
use crate::network::NetworkPlugins;
use crate::random::Random;
use crate::server::{Deployment, Phase, drain_timeout};
use crate::tcp::TcpProxy;
use crate::telemetry::{Hosts, Stats, listener_prefix};
use crate::wasm::{PluginRegistry, VmIdLease, WasmRuntime};
use crate::worker::{self, WorkerContext};

/// What every worker is made from.
#[derive(Clone)]
pub(crate) struct WorkerPlan {
    pub(crate) deployments: Arc<Vec<Deployment>>,
    pub(crate) wasm: Arc<WasmRuntime>,
    /// What plugins share lasts until the last worker has ended.
    pub(crate) _leases: Arc<Vec<VmIdLease>>,
    pub(crate) stats: Stats,
    pub(crate) hosts: Hosts,
    pub(crate) access_logs: Arc<AccessLogWriter>,
    pub(crate) own_address: IpAddr,
}

/// The sockets of one worker, by deployment and listener.
pub(crate) type Sockets = Vec<Vec<TcpListener>>;

/// One configuration as this worker serves it.
struct Serving {
    context: Rc<WorkerContext>,
    plugins: PluginRegistry,
    listeners: Vec<Rc<Listener>>,
}

/// Runs a worker until its phase says otherwise. Tells `ready` once how its start went.
pub(crate) fn run(
    plan: WorkerPlan,
    sockets: Sockets,
    phase: watch::Receiver<Phase>,
    ready: &Sender<Result<(), ServerError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, serve(plan, sockets, phase, ready)),
        Err(source) => Err(ServerError::System {
            what: "a worker's runtime",
            source,
        }),
    };
    if let Err(error) = outcome {
        // Nobody waits for the outcome any more if another worker has failed before.
        drop(ready.send(Err(error)));
    }
}

async fn serve(
    plan: WorkerPlan,
    sockets: Sockets,
    mut phase: watch::Receiver<Phase>,
    ready: &Sender<Result<(), ServerError>>,
) -> Result<(), ServerError> {
    let mut accepting = Vec::new();
    let mut served = Vec::new();
    for (deployment, sockets) in plan.deployments.iter().zip(sockets) {
        let serving = Serving::start(&plan, deployment).await?;
        for (listener, socket) in serving.listeners.iter().zip(sockets) {
            let socket = tokio::net::TcpListener::from_std(socket).map_err(|source| {
                ServerError::System {
                    what: "a listener",
                    source,
                }
            })?;
            accepting.push((Rc::clone(listener), socket));
        }
        served.push((serving, drain_timeout(&deployment.bootstrap)));
    }
    // Nothing is accepted before everything of this worker has started.
    let accepting: Vec<_> = accepting
        .into_iter()
        .map(|(l, socket)| worker::spawn(l.run(socket)))
        .collect();
    drop(ready.send(Ok(())));
    wait_for(&mut phase, |phase| phase != Phase::Serving).await;
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    let draining = async {
        for (serving, timeout) in &served {
            // Connections that are left after that are closed with the runtime.
            drop(tokio::time::timeout(*timeout, serving.context.drain()).await);
        }
    };
    tokio::select! {
        () = draining => {}
        () = wait_for(&mut phase, |phase| phase == Phase::Stopped) => {}
    }
    served
        .iter()
        .for_each(|(serving, _)| serving.plugins.shut_down());
    Ok(())
}

/// Waits for a phase; that nobody directs the worker any more counts as every phase.
async fn wait_for(phase: &mut watch::Receiver<Phase>, reached: impl Fn(Phase) -> bool) {
    drop(phase.wait_for(|phase| reached(*phase)).await);
}

impl Serving {
    async fn start(plan: &WorkerPlan, deployment: &Deployment) -> Result<Self, ServerError> {
        let random = Rc::new(Random::default());
        let stats = plan.stats.clone();
        let clusters = ClusterManager::new(&deployment.clusters, &random, &stats, &plan.hosts);
        let clusters = Rc::new(clusters);
        clusters.start().await;
        let context = WorkerContext::new(
            Rc::clone(&clusters),
            random,
            plan.own_address,
            stats,
            Arc::clone(&plan.access_logs),
        );
        context.timeouts.start();
        let plugins = PluginRegistry::new(&plan.wasm, &clusters, &deployment.bootstrap.node);
        let services = deployment.bootstrap.wasm_services.iter();
        for service in services.filter(|service| !service.singleton) {
            let started = plugins.add(&service.plugin);
            started.map_err(|source| ServerError::Plugin(Box::new(source)))?;
        }
        let mut listeners = Vec::new();
        for (config, tls) in deployment.bootstrap.listeners.iter().zip(&deployment.tls) {
            let chains = config
                .filter_chains
                .iter()
                .chain(&config.default_filter_chain);
            let services = chains
                .map(|chain| service(chain, &context, &plugins, config))
                .collect::<Result<_, _>>()
                .map_err(|source| ServerError::Listener {
                    listener: config.name.clone(),
                    source,
                })?;
            let chains = FilterChains::new(config, services, tls);
            listeners.push(Listener::new(config, chains, &context));
        }
        Ok(Self {
            context,
            plugins,
            listeners,
        })
    }
}

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
