//! `tollgate validate`: checks files and starts their plugins, without serving.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tollgate_config::{Bootstrap, LoadOptions, Settings};
use tollgate_proxy::Server;

use crate::addresses;
use crate::args::ValidateArguments;
use crate::error::CommandError;
use crate::run::load;
use crate::settings;

/// Checks every file and prints one verdict each; the exit code is 1 when any is refused.
pub(crate) fn validate(arguments: &ValidateArguments) -> ExitCode {
    let options = LoadOptions {
        ignore_unsupported: arguments.reading.ignore_unsupported,
    };
    let settings = match settings::load(&arguments.settings) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error),
    };
    let mut code = ExitCode::SUCCESS;
    let mut bootstraps = Vec::new();
    for file in &arguments.files {
        match check(file, options, &settings) {
            Ok(bootstrap) => bootstraps.push(bootstrap),
            Err(error) => code = refuse(&error),
        }
    }
    // A file that was refused may be the one with the plugin that settings name.
    if bootstraps.len() == arguments.files.len()
        && let Err(error) = settings::check(&settings, &arguments.settings, &bootstraps)
    {
        code = refuse(&error);
    }
    code
}

fn refuse(error: &CommandError) -> ExitCode {
    crate::logging::print_error(error);
    ExitCode::FAILURE
}

fn check(
    file: &Path,
    options: LoadOptions,
    settings: &Settings,
) -> Result<Bootstrap, CommandError> {
    let bootstrap = load(file, options)?;
    addresses::check([(file, &bootstrap)], None)?;
    Server::validate(std::slice::from_ref(&bootstrap), settings)
        .map_err(|error| CommandError::from(error).about(file.display()))?;
    writeln!(std::io::stdout(), "{}: OK", file.display())?;
    Ok(bootstrap)
}
