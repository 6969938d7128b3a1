//! `tollgate new`: a project that builds, tests and runs, from templates that the program carries.

mod name;
mod project;
mod sdk;
mod template;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::NewArguments;
use crate::error::CommandError;
use name::ProjectName;
use sdk::Sdk;
pub(crate) use template::Kind;

/// Writes the project and says what to do with it.
///
/// # Errors
///
/// When the name or the folder will not do, or the SDK is not there; nothing is written then.
pub(crate) fn new(arguments: &NewArguments) -> Result<ExitCode, CommandError> {
    let name = ProjectName::parse(&arguments.name)?;
    let sdk = Sdk::find(arguments.sdk.as_deref())?;
    let folder = match &arguments.dir {
        Some(folder) => folder.clone(),
        None => PathBuf::from(name.as_str()),
    };
    let files = template::files(arguments.kind, &name, &sdk);
    project::write(&folder, &files)?;
    print_next_steps(arguments.kind, &folder)?;
    Ok(ExitCode::SUCCESS)
}

fn print_next_steps(kind: Kind, folder: &Path) -> io::Result<()> {
    let folder = folder.display();
    let mut out = io::stdout().lock();
    writeln!(out, "{folder}: {}", kind.summary())?;
    writeln!(out, "\n  cd {folder}")?;
    writeln!(out, "  cargo test        runs its tests natively")?;
    writeln!(
        out,
        "  tollgate dev .    serves envoy.yaml, builds again when a file is saved"
    )?;
    writeln!(out, "\n{}", kind.try_it())?;
    out.flush()
}
