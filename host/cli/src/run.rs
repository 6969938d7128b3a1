//! `tollgate run`: serves what the files configure.

use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::thread::available_parallelism;

use tollgate_config::{Bootstrap, LoadOptions, Loaded};
use tollgate_proxy::{Configuration, RunningServer, Server, ServerOptions, Signals};
use tracing::{info, warn};

use crate::args::RunArguments;
use crate::error::CommandError;
use crate::source::Files;

/// Serves until a signal ends it. Nothing starts unless every file is good and every address free.
///
/// # Errors
///
/// When a file is refused, a plugin does not start or an address cannot be bound.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode, CommandError> {
    let signals = Signals::register()?;
    info!(version = env!("CARGO_PKG_VERSION"), "tollgate");
    let mut files = Files::new(arguments);
    let Configuration {
        bootstraps,
        settings,
    } = files.load()?;
    let workers = match arguments.concurrency {
        Some(number) => usize::from(number),
        None => available_parallelism().map_or(1, NonZero::get),
    };
    let options = ServerOptions {
        concurrency: Some(workers),
        admin_address: arguments.admin_address,
        settings,
    };
    let mut server = Server::start(bootstraps, options)?;
    server.reload_from(files)?;
    log_addresses(&server, workers);
    server.wait_for_signal(signals);
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Reads one file and reports what is valid but ignored.
///
/// # Errors
///
/// When the file is refused.
pub(crate) fn load(file: &Path, options: LoadOptions) -> Result<Bootstrap, CommandError> {
    Ok(warned(tollgate_config::load(file, &options)?))
}

/// Reports what is valid but ignored.
pub(crate) fn warned(loaded: Loaded) -> Bootstrap {
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    loaded.bootstrap
}

fn log_addresses(server: &RunningServer, workers: usize) {
    for (name, address) in server.listener_addresses() {
        info!(%name, %address, "listener");
    }
    match server.admin_address() {
        Some(address) => info!(%address, "admin"),
        None => info!("no admin interface is configured"),
    }
    info!(workers, "serving");
}
