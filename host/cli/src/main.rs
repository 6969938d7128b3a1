//! The `tollgate` program: run, validate, inspect, new, dev, replay, doctor, demo.
//!
//! Each command is one file; all of them end in an exit code here. What goes wrong is one line on
//! standard error that names the thing and the way out.
#![forbid(unsafe_code)]

mod addresses;
mod args;
mod demo;
mod dev;
mod doctor;
mod error;
mod inspect;
mod logging;
mod new;
mod replay;
mod run;
mod settings;
mod source;
mod test_run;
mod upstream;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command, DemoArguments};
use error::CommandError;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return args::print_answer(&answer),
    };
    match execute(arguments) {
        Ok(code) => code,
        Err(error) => {
            logging::print_error(&error);
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
        Some(Command::Replay(arguments)) => replay::replay(&arguments),
        Some(Command::Doctor) => doctor::doctor(),
        Some(Command::TestRun { module, arguments }) => test_run::test_run(&module, arguments),
        Some(Command::New(arguments)) => new::new(&arguments),
        Some(Command::Dev(arguments)) => dev::dev(&arguments),
        Some(Command::Demo(arguments)) => demo::demo(&arguments),
        None => demo::demo(&DemoArguments::default()),
    }
}
