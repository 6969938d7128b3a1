//! `Serving`: the configuration with the newest module in it, and the server that runs it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_config::{Bootstrap, DataSource, LoadOptions};
use tollgate_proxy::{
    Configuration, GenerationId, ReloadError, RunningServer, Server, ServerOptions,
};
use tracing::warn;

use super::project::Project;
use super::stand_ins::StandIns;
use super::substitution::put_module;
use crate::args::DevArguments;
use crate::error::CommandError;
use crate::settings;

/// What is served when the crate has no `envoy.yaml`.
const ENVOY_YAML: &str = include_str!("envoy.yaml");

/// Where a configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    /// A text of this program's.
    BuiltIn(String),
}

/// What is served, and how.
#[derive(Debug)]
pub(super) struct Serving {
    arguments: DevArguments,
    source: Source,
    server: Option<RunningServer>,
    stand_ins: StandIns,
}

impl Serving {
    /// Chooses the configuration: the file that was named, that of the crate, or the built-in one.
    ///
    /// # Errors
    ///
    /// When the built-in upstream cannot start.
    pub(super) fn prepare(
        arguments: DevArguments,
        project: &Project,
    ) -> Result<Self, CommandError> {
        let of_crate = project.folder().join("envoy.yaml");
        let mut stand_ins = StandIns::default();
        let source = match arguments.config.clone() {
            Some(file) => Source::File(file),
            None if of_crate.is_file() => Source::File(of_crate),
            None => {
                let upstream = stand_ins.anywhere()?;
                Source::BuiltIn(built_in(project, upstream.port()))
            }
        };
        Ok(Self {
            arguments,
            source,
            server: None,
            stand_ins,
        })
    }

    /// Returns the files whose change means another configuration.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let settings = self.arguments.settings.tollgate_config.clone();
        let config = match &self.source {
            Source::File(file) => Some(file.clone()),
            Source::BuiltIn(_) => None,
        };
        config.into_iter().chain(settings).collect()
    }

    /// Names the configuration.
    pub(super) fn configuration(&self) -> String {
        match &self.source {
            Source::File(file) => file.display().to_string(),
            Source::BuiltIn(_) => "the built-in configuration".to_owned(),
        }
    }

    /// Serves a module, and the configuration as it is now; returns the number of the generation,
    /// or `None` when both are what is served already. After an error the former one goes on.
    ///
    /// # Errors
    ///
    /// When the configuration is refused, or the plugin does not start with it.
    pub(super) fn publish(&mut self, module: &Path) -> Result<Option<GenerationId>, CommandError> {
        let bootstrap = self.bootstrap(module)?;
        let mut settings = settings::load(&self.arguments.settings)?;
        settings.diagnosis.warn_on_kept_state.get_or_insert(true);
        let bootstraps = vec![bootstrap];
        settings::check(&settings, &self.arguments.settings, &bootstraps)?;
        bootstraps
            .iter()
            .for_each(|bootstrap| self.stand_ins.fill(bootstrap));
        let settings = Arc::new(settings);
        if let Some(server) = &self.server {
            let configuration = Configuration {
                bootstraps,
                settings,
            };
            let report = server.reload(configuration).map_err(|error| match error {
                ReloadError::Refused(error) => CommandError::from(error),
                other => other.to_string().into(),
            })?;
            for note in &report.notes {
                warn!("{note}");
            }
            return Ok(report.is_new.then_some(report.generation));
        }
        let options = ServerOptions {
            settings,
            ..ServerOptions::default()
        };
        let server = self.server.insert(Server::start(bootstraps, options)?);
        Ok(server.generation())
    }

    /// Reads the configuration and puts the module into it.
    fn bootstrap(&self, module: &Path) -> Result<Bootstrap, CommandError> {
        let options = LoadOptions {
            ignore_unsupported: self.arguments.reading.ignore_unsupported,
        };
        let (text, name) = match &self.source {
            Source::File(file) => (read_text(file)?, file.display().to_string()),
            Source::BuiltIn(text) => (text.clone(), "built-in.yaml".to_owned()),
        };
        let text = put_module(&text, module);
        let loaded = tollgate_config::parse(&text, &name, &options)?;
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        let mut bootstrap = loaded.bootstrap;
        let ours = DataSource::File(module.to_path_buf());
        if !bootstrap
            .plugins()
            .any(|plugin| plugin.vm_config.code == ours)
        {
            let module = module.file_name().unwrap_or_default().display();
            return Err(format!("{name}: no plugin has the module {module}").into());
        }
        if let (Some(port), Some(listener)) = (self.arguments.port, bootstrap.listeners.first_mut())
        {
            listener.address.set_port(port);
        }
        Ok(bootstrap)
    }

    /// Returns what listens, by name.
    pub(super) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let Some(server) = &self.server else {
            return Vec::new();
        };
        let admin = server
            .admin_address()
            .map(|address| ("admin".to_owned(), address));
        server
            .listener_addresses()
            .into_iter()
            .chain(admin)
            .collect()
    }

    /// Lets the streams that are there finish.
    pub(super) fn drain(self) {
        if let Some(server) = self.server {
            server.drain_and_wait();
        }
    }
}

fn read_text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn built_in(project: &Project, upstream: u16) -> String {
    ENVOY_YAML
        .replace("{{name}}", &project.name)
        .replace(
            "{{module}}",
            &format!("{}.wasm", project.name.replace('-', "_")),
        )
        .replace("{{upstream_port}}", &upstream.to_string())
}
