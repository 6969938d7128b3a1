//! What streams of a plugin share: who decides, and what to do when it cannot be had.

use std::sync::Arc;

use tollgate_config::{Isolation, PluginConfig, Settings};
use tollgate_runtime::{self as runtime, SnapshotError};

use super::error::PluginError;
use super::runtime::LoadedModule;

/// Returns the isolation of a plugin: what settings say, else what its module says of itself, else
/// Envoy's.
///
/// # Errors
///
/// When settings ask for `stream` and the module does not allow it. A module that says so of
/// itself runs as in Envoy then.
pub(super) fn choose(
    settings: &Settings,
    plugin: &PluginConfig,
    module: &Arc<LoadedModule>,
) -> Result<Isolation, PluginError> {
    let asked = settings.isolation_of(&plugin.name);
    let declared = module.module.declared_isolation().map(of_module);
    let chosen = asked.or(declared).unwrap_or(Isolation::Worker);
    match module.obstacle().filter(|_| chosen == Isolation::Stream) {
        None => Ok(chosen),
        Some(obstacle) if asked.is_some() => Err(refusal(plugin, obstacle)),
        Some(_) => Ok(Isolation::Worker),
    }
}

/// Says at load that a module does not get what it asks for.
pub(super) fn warn_of_obstacle(plugin: &PluginConfig, module: &Arc<LoadedModule>) {
    let declared = module.module.declared_isolation();
    if declared == Some(runtime::Isolation::Stream)
        && let Some(obstacle) = module.obstacle()
    {
        tracing::warn!(
            target: "wasm",
            plugin = %plugin.name,
            %obstacle,
            "isolation `worker` instead of `stream`, which the module declares"
        );
    }
}

pub(super) fn refusal(plugin: &PluginConfig, source: &SnapshotError) -> PluginError {
    PluginError::Snapshot {
        plugin: plugin.name.clone(),
        source: Box::new(source.clone()),
    }
}

const fn of_module(declared: runtime::Isolation) -> Isolation {
    match declared {
        runtime::Isolation::Worker => Isolation::Worker,
        runtime::Isolation::Stream => Isolation::Stream,
    }
}

pub(super) const fn to_runtime(isolation: Isolation) -> runtime::Isolation {
    match isolation {
        Isolation::Worker => runtime::Isolation::Worker,
        Isolation::Stream => runtime::Isolation::Stream,
    }
}
