//! The thread of the Wasm services (`envoy.bootstrap.wasm`): plugins without streams.
//!
//! As in Envoy every service runs here, on the main thread there; one that is no singleton runs on
//! every worker besides.

use std::rc::Rc;
use std::sync::mpsc::Sender;

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::cluster::ClusterManager;
use crate::error::ServerError;
use crate::random::Random;
use crate::server::{Deployment, Phase};
use crate::wasm::PluginRegistry;
use crate::worker_thread::WorkerPlan;

/// Returns whether any configuration has a service.
pub(crate) fn are_configured(deployments: &[Deployment]) -> bool {
    let mut deployments = deployments.iter();
    deployments.any(|deployment| !deployment.bootstrap.wasm_services.is_empty())
}

/// Runs the services until the server drains. Tells `ready` once how their start went.
pub(crate) fn run(
    plan: &WorkerPlan,
    phase: watch::Receiver<Phase>,
    ready: &Sender<Result<(), ServerError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => LocalSet::new().block_on(&runtime, serve(plan, phase, ready)),
        Err(source) => Err(ServerError::System {
            what: "the runtime of the Wasm services",
            source,
        }),
    };
    if let Err(error) = outcome {
        // Nobody waits for the outcome any more if a worker has failed before.
        drop(ready.send(Err(error)));
    }
}

async fn serve(
    plan: &WorkerPlan,
    mut phase: watch::Receiver<Phase>,
    ready: &Sender<Result<(), ServerError>>,
) -> Result<(), ServerError> {
    let mut registries = Vec::new();
    for deployment in plan.deployments.iter() {
        registries.push(start(plan, deployment).await?);
    }
    drop(ready.send(Ok(())));
    // That nobody directs this thread any more counts as the end.
    drop(phase.wait_for(|phase| *phase != Phase::Serving).await);
    registries.iter().for_each(PluginRegistry::shut_down);
    Ok(())
}

async fn start(plan: &WorkerPlan, deployment: &Deployment) -> Result<PluginRegistry, ServerError> {
    let random = Rc::new(Random::default());
    let clusters = ClusterManager::new(&deployment.clusters, &random, &plan.stats, &plan.hosts);
    let clusters = Rc::new(clusters);
    clusters.start().await;
    let plugins = PluginRegistry::new(&plan.wasm, &clusters, &deployment.bootstrap.node);
    for service in &deployment.bootstrap.wasm_services {
        let started = plugins.add(&service.plugin);
        started.map_err(|source| ServerError::Plugin(Box::new(source)))?;
    }
    Ok(plugins)
}
