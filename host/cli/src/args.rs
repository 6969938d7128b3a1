//! What the operator types.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs Proxy-Wasm filters with Envoy's own configuration files.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do; without it, the demo.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Least severe log lines to print: trace, debug, info, warn, error or off; also
    /// `info,wasm=debug`.
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL")]
    pub(crate) log_level: String,
}

/// The program's commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves what the files configure until it is told to stop.
    Run(RunArguments),
    /// Checks files, plugins included, as Envoy's `--mode validate` does; exit code 1 on a fault.
    Validate(ValidateArguments),
    /// Shows what a module imports and exports, and why a host would refuse it.
    Inspect {
        /// Module to look at.
        #[arg(value_name = "MODULE.wasm")]
        module: PathBuf,
    },
    /// Serves a built-in upstream behind both built-in filters and shows what to try.
    Demo(DemoArguments),
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// Envoy bootstrap files, YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Number of worker threads; by default one per core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,

    /// Address of the admin interface, instead of the one in the file.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_address: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub(crate) struct ValidateArguments {
    /// Envoy bootstrap files, YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// How files are read.
#[derive(Args, Debug)]
pub(crate) struct ReadingArguments {
    /// Warn about valid Envoy configuration that Tollgate does not implement, instead of refusing.
    #[arg(long)]
    pub(crate) ignore_unsupported: bool,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Port of the demo's listener; 0 takes any free one.
    #[arg(long, default_value_t = 10_000, value_name = "PORT")]
    pub(crate) port: u16,
}
