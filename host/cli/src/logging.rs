//! Log lines on standard error, standard output left to what a command is asked for.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use tracing_subscriber::EnvFilter;

use crate::CommandError;

/// Starts logging at a level, or at levels by target such as `info,wasm=debug`.
///
/// # Errors
///
/// When the text names no level.
pub(crate) fn start(level: &str) -> Result<(), CommandError> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| format!("--log-level {level}: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init()
        .map_err(|error| -> CommandError { error })
}

/// Prints an error and what is below it as one line.
pub(crate) fn print_error(error: &dyn Error) {
    let mut line = format!("tollgate: {error}");
    let mut source = error.source();
    while let Some(below) = source {
        let text = below.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = below.source();
    }
    // Standard error may be closed; there is nowhere left to say so.
    let _ = writeln!(io::stderr(), "{line}");
}
