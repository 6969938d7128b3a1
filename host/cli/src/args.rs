//! What the operator types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::filter::Targets;

use crate::error::{CommandError, one_line};
use crate::logging;
use crate::new::Kind;
use crate::settings::IsolationChoice;

/// Runs Proxy-Wasm filters with Envoy's own configuration files; without a command, the demo.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do; without it, the demo.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Least severe log lines to print: trace, debug, info, warn, error or off; also
    /// `info,wasm=debug`.
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL",
        value_parser = logging::parse_levels)]
    pub(crate) log_level: Targets,
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
    /// Brings the fault of a crash bundle about again; exit code 1 when it does not happen.
    Replay(ReplayArguments),
    /// Checks whether this machine has what Tollgate needs and what makes it fast.
    Doctor,
    /// Runs the tests of a crate that are built for wasm32-wasip1. It is meant for Cargo:
    /// `runner = "tollgate test-run"` below `[target.wasm32-wasip1]` in `.cargo/config.toml`.
    TestRun {
        /// Module that Cargo has built.
        #[arg(value_name = "TESTS.wasm")]
        module: PathBuf,

        /// Arguments of the tests, such as a name to choose them by.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGUMENT"
        )]
        arguments: Vec<String>,
    },
    /// Writes a project for a filter: sources, tests and an envoy.yaml.
    New(NewArguments),
    /// Builds a filter's crate and serves it; builds again whenever a file is saved.
    Dev(DevArguments),
    /// Serves a built-in upstream behind both built-in filters and shows what to try.
    Demo(DemoArguments),
}

/// Arguments of `run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    /// Envoy bootstrap files, YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Number of worker threads; by default one per core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,

    /// Address of the admin interface, instead of the one in the file.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) admin_address: Option<SocketAddr>,

    /// Does not reload when a file changes; SIGHUP and the admin interface still do.
    #[arg(long)]
    pub(crate) no_watch: bool,

    #[command(flatten)]
    pub(crate) reading: ReadingArguments,

    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub(crate) struct ValidateArguments {
    /// Envoy bootstrap files, YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: ReadingArguments,

    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

/// What only Tollgate has.
#[derive(Args, Clone, Debug)]
pub(crate) struct SettingsArguments {
    /// Tollgate's own settings, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) tollgate_config: Option<PathBuf>,

    /// What streams of a plugin, or of all that choose nothing else, share: a VM of their worker, as
    /// in Envoy, or nothing (`stream`).
    #[arg(long, value_name = "[PLUGIN=]worker|stream")]
    pub(crate) isolation: Vec<IsolationChoice>,
}

/// How files are read.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadingArguments {
    /// Warn about valid Envoy configuration that Tollgate does not implement, instead of refusing.
    #[arg(long)]
    pub(crate) ignore_unsupported: bool,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// Bundle that `diagnosis: { bundles: DIR }` in the settings has written.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,

    /// Module to bring it to, instead of the one in the bundle.
    #[arg(long, value_name = "MODULE.wasm")]
    pub(crate) module: Option<PathBuf>,
}

/// Arguments of `new`.
#[derive(Args, Debug)]
pub(crate) struct NewArguments {
    /// Name of the package, of the module and of the plugin.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// What the filter does.
    #[arg(long, value_name = "auth|rate-limit|body|tcp|grpc")]
    pub(crate) kind: Kind,

    /// Folder of the project, which must not exist; by default the name.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Tollgate's source tree, whose SDK the project uses; by default the one that this program was
    /// built from.
    #[arg(long, value_name = "PATH")]
    pub(crate) sdk: Option<PathBuf>,
}

/// Arguments of `dev`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DevArguments {
    /// Folder of the filter's crate.
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Envoy bootstrap file, by default `envoy.yaml` in the folder; without one, the filter serves
    /// before a built-in upstream.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Port of the first listener, instead of the configured one; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    #[command(flatten)]
    pub(crate) reading: ReadingArguments,

    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Port of the demo's listener; 0 takes any free one.
    #[arg(long, default_value_t = DEMO_PORT, value_name = "PORT")]
    pub(crate) port: u16,
}

const DEMO_PORT: u16 = 10_000;

impl Default for DemoArguments {
    fn default() -> Self {
        Self { port: DEMO_PORT }
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "wanted is an IP address with a port, such as 127.0.0.1:9901".to_owned())
}

/// Prints what was asked for instead of a command, help or version, or one line about what cannot
/// be understood. Returns the exit code: 2 for the latter, as usual.
pub(crate) fn print_answer(answer: &clap::Error) -> ExitCode {
    if !answer.use_stderr() {
        return match answer.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let text = answer.to_string();
    let paragraphs = text.split("\n\n").map(one_line);
    let said: Vec<_> = paragraphs
        // Nobody wants a misspelt flag taken for a file.
        .filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with("tip: to pass"))
        .collect();
    let said = said.join("; ");
    let line = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
    logging::print_error(&CommandError::from(line));
    ExitCode::from(2)
}
