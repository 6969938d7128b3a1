//! `PluginError`: why a plugin cannot serve, for the operator.

use std::path::PathBuf;

use thiserror::Error;
use tollgate_config::{DataSource, PluginConfig};
use tollgate_runtime::{EngineError, LoadError, SnapshotError};

/// Why a plugin cannot serve.
#[derive(Debug, Error)]
pub(crate) enum PluginError {
    /// The engine does not run on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The clock of deadlines does not start.
    #[error("cannot start the thread that watches over plugins' deadlines: {0}")]
    Clock(#[source] std::io::Error),
    /// The file with the module cannot be read.
    #[error("plugin `{plugin}`: cannot read {}: {source}", path.display())]
    ReadFile {
        /// The plugin's name.
        plugin: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The environment variable with the module is not set.
    #[error("plugin `{plugin}`: environment variable `{variable}` with the module is not set")]
    NoVariable {
        /// The plugin's name.
        plugin: String,
        /// The variable.
        variable: String,
    },
    /// There is no code at all.
    #[error("plugin `{plugin}`: the module is empty")]
    NoCode {
        /// The plugin's name.
        plugin: String,
    },
    /// Streams cannot have instances of their own, which was asked for.
    #[error("plugin `{plugin}`: isolation `stream`: {source}")]
    Snapshot {
        /// The plugin's name.
        plugin: String,
        /// Why.
        source: Box<SnapshotError>,
    },
    /// The module was refused, or the plugin did not start.
    #[error("plugin `{plugin}` ({module}{place}): {source}")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// Where the module came from.
        module: String,
        /// Where in its source it crashed, if it did and has DWARF.
        place: String,
        /// Why.
        source: Box<LoadError>,
    },
}

impl PluginError {
    pub(super) fn load(plugin: &PluginConfig, source: LoadError) -> Self {
        let module = match &plugin.vm_config.code {
            DataSource::File(path) => path.display().to_string(),
            DataSource::Inline(_) => "code in the configuration".to_owned(),
            DataSource::EnvironmentVariable(name) => format!("environment variable `{name}`"),
        };
        Self::Load {
            plugin: plugin.name.clone(),
            module,
            place: String::new(),
            source: Box::new(source),
        }
    }

    /// Returns the plugin's name, if it is about one.
    pub(crate) fn plugin(&self) -> Option<&str> {
        match self {
            Self::Engine(_) | Self::Clock(_) => None,
            Self::ReadFile { plugin, .. }
            | Self::NoVariable { plugin, .. }
            | Self::NoCode { plugin }
            | Self::Snapshot { plugin, .. }
            | Self::Load { plugin, .. } => Some(plugin),
        }
    }

    /// Returns the error with the place of the crash, `file:line`.
    pub(super) fn at(mut self, crash: &str) -> Self {
        if let Self::Load { place, .. } = &mut self {
            *place = format!(", at {crash}");
        }
        self
    }
}
