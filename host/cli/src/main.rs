//! The `tollgate` program: run, validate, inspect, demo.
//!
//! Each command is one file; all of them end in an exit code here. What goes wrong is one line on
//! standard error that names the thing and the way out.
#![forbid(unsafe_code)]

mod args;
mod demo;
mod inspect;
mod logging;
mod run;
mod validate;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command, DemoArguments};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with when it cannot do its work; `main` is the only one to look at it.
type CommandError = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(code) => code,
        Err(error) => {
            logging::print_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<ExitCode, CommandError> {
    logging::start(&arguments.log_level)?;
    match arguments.command {
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Validate(arguments)) => Ok(validate::validate(&arguments)),
        Some(Command::Inspect { module }) => inspect::inspect(&module),
        Some(Command::Demo(arguments)) => demo::demo(&arguments),
        None => demo::demo(&DemoArguments { port: 10_000 }),
    }
}
