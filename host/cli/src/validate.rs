//! `tollgate validate`: checks files and starts their plugins, without serving.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tollgate_config::LoadOptions;
use tollgate_proxy::Server;

use crate::addresses;
use crate::args::ValidateArguments;
use crate::error::CommandError;
use crate::run::load;

/// Checks every file and prints one verdict each; the exit code is 1 when any is refused.
pub(crate) fn validate(arguments: &ValidateArguments) -> ExitCode {
    let options = LoadOptions {
        ignore_unsupported: arguments.reading.ignore_unsupported,
    };
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        if let Err(error) = check(file, options) {
            crate::logging::print_error(&error);
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn check(file: &Path, options: LoadOptions) -> Result<(), CommandError> {
    let bootstrap = load(file, options)?;
    addresses::check([(file, &bootstrap)], None)?;
    Server::validate(&[bootstrap])
        .map_err(|error| CommandError::from(error).about(file.display()))?;
    writeln!(std::io::stdout(), "{}: OK", file.display())?;
    Ok(())
}
