//! `tollgate run`: serves what the files configure.

use std::path::Path;
use std::process::ExitCode;

use tollgate_config::{Bootstrap, LoadOptions};
use tollgate_proxy::{Server, ServerOptions};
use tracing::warn;

use crate::CommandError;
use crate::args::RunArguments;

/// Serves until a signal ends it. Nothing starts unless every file is good and every address free.
///
/// # Errors
///
/// When a file is refused, a plugin does not start or an address cannot be bound.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, CommandError> {
    let options = LoadOptions {
        ignore_unsupported: arguments.reading.ignore_unsupported,
    };
    let bootstraps = arguments
        .files
        .iter()
        .map(|file| load(file, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let options = ServerOptions {
        concurrency: arguments.concurrency.map(usize::from),
        admin_address: arguments.admin_address,
    };
    let server = Server::start(bootstraps, options)?;
    server.wait_for_signal();
    Ok(ExitCode::SUCCESS)
}

/// Reads one file and reports what is valid but ignored.
///
/// # Errors
///
/// When the file is refused.
pub(crate) fn load(file: &Path, options: &LoadOptions) -> Result<Bootstrap, CommandError> {
    let loaded = tollgate_config::load(file, options)?;
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    Ok(loaded.bootstrap)
}
