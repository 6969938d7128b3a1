//! Log lines on standard error, standard output left to what a command is asked for.

use std::io::{self, IsTerminal as _, Write as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::error::CommandError;

/// Starts logging.
///
/// # Errors
///
/// When it has been started already.
pub(crate) fn start(levels: &Targets) -> Result<(), CommandError> {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .finish()
        .with(levels.clone())
        .try_init()
        .map_err(|error| error.to_string().into())
}

/// Reads a level, or levels by target such as `info,wasm=debug`.
pub(crate) fn parse_levels(text: &str) -> Result<Targets, String> {
    text.split(',')
        .try_fold(Targets::new(), |levels, part| match part.split_once('=') {
            Some(("", _)) => Err(format!("`{part}` names no target; write wasm=debug")),
            Some((target, level)) => Ok(levels.with_target(target, parse_level(level)?)),
            None => Ok(levels.with_default(parse_level(part)?)),
        })
}

fn parse_level(name: &str) -> Result<LevelFilter, String> {
    match name {
        "trace" => Ok(LevelFilter::TRACE),
        "debug" => Ok(LevelFilter::DEBUG),
        "info" => Ok(LevelFilter::INFO),
        "warn" => Ok(LevelFilter::WARN),
        "error" => Ok(LevelFilter::ERROR),
        "off" => Ok(LevelFilter::OFF),
        _ => Err(format!(
            "`{name}` is no level; levels are trace, debug, info, warn, error and off"
        )),
    }
}

/// Prints each fault on a line of its own.
pub(crate) fn print_error(error: &CommandError) {
    let mut out = io::stderr().lock();
    for line in error.lines() {
        // Standard error may be closed; there is nowhere left to say so.
        drop(writeln!(out, "tollgate: {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::parse_levels;

    #[test]
    fn a_level_or_levels_by_target_are_read() {
        for text in ["info", "off", "info,wasm=debug", "wasm=trace"] {
            assert!(parse_levels(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_level_is_named() {
        for text in ["", "loud", "info,", "info,wasm=", "=debug", "INFO=", "3"] {
            assert!(parse_levels(text).is_err(), "{text}");
        }
        let reason = parse_levels("info,wasm=loud").unwrap_err();
        assert!(reason.contains("`loud`"), "{reason}");
    }
}
