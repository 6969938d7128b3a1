//! `Files`: the configuration of a run, read once for the start and again for each reload.

use std::path::PathBuf;
use std::sync::Arc;

use tollgate_config::{Bootstrap, Discovery, LoadOptions};
use tollgate_proxy::{Configuration, ConfigurationSource};

use crate::addresses;
use crate::args::RunArguments;
use crate::error::CommandError;
use crate::run::warned;
use crate::settings;

/// The files that a run is told of, with what the command line says on top.
#[derive(Debug)]
pub(crate) struct Files {
    arguments: RunArguments,
    /// Those that the files name, as far as they could be read.
    named: Vec<PathBuf>,
    /// The filters' files that were read last.
    discoveries: Vec<Discovery>,
}

impl Files {
    /// Returns the files of these arguments.
    pub(crate) fn new(arguments: &RunArguments) -> Self {
        Self {
            arguments: arguments.clone(),
            named: Vec::new(),
            discoveries: Vec::new(),
        }
    }

    /// Reads all files, so that all their faults are named.
    ///
    /// # Errors
    ///
    /// When a file is refused, or two want the same address.
    pub(crate) fn load(&mut self) -> Result<Configuration, CommandError> {
        let arguments = &self.arguments;
        let mut settings = settings::load(&arguments.settings)?;
        settings.reload.watch &= !arguments.no_watch;
        self.discoveries.clear();
        let options = LoadOptions {
            ignore_unsupported: arguments.reading.ignore_unsupported,
        };
        let bootstraps = load_all(&arguments.files, options, &mut self.discoveries)?;
        settings::check(&settings, &arguments.settings, &bootstraps)?;
        let files = arguments.files.iter().map(PathBuf::as_path);
        addresses::check(files.zip(&bootstraps), arguments.admin_address)?;
        let named = bootstraps.iter().flat_map(|one| one.files.iter().cloned());
        self.named = named.collect();
        Ok(Configuration {
            bootstraps,
            settings: Arc::new(settings),
        })
    }
}

impl ConfigurationSource for Files {
    fn read(&mut self) -> Result<Configuration, Vec<String>> {
        let lines = |error: CommandError| error.lines().map(str::to_owned).collect();
        self.load().map_err(lines)
    }

    fn files(&self) -> Vec<PathBuf> {
        let given = self.arguments.files.iter();
        let settings = self.arguments.settings.tollgate_config.iter();
        given.chain(settings).chain(&self.named).cloned().collect()
    }

    fn discoveries(&self) -> Vec<Discovery> {
        self.discoveries.clone()
    }
}

/// Reads all files; also of those that are refused, the filters' files are added to `discoveries`.
fn load_all(
    files: &[PathBuf],
    options: LoadOptions,
    discoveries: &mut Vec<Discovery>,
) -> Result<Vec<Bootstrap>, CommandError> {
    let mut bootstraps = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match tollgate_config::load(file, &options) {
            Ok(loaded) => {
                discoveries.extend_from_slice(&loaded.bootstrap.discoveries);
                bootstraps.push(warned(loaded));
            }
            Err(errors) => {
                discoveries.extend_from_slice(errors.discoveries());
                faults.extend(CommandError::from(errors).lines().map(str::to_owned));
            }
        }
    }
    CommandError::from_faults(faults).map_or(Ok(bootstraps), Err)
}
