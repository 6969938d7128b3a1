//! `tollgate dev`: builds a filter's crate, serves it, and does both again when a file is saved.
//!
//! Waiting is asynchronous, for a signal may come at any time; building and serving anew follow one
//! after the other. What goes wrong is said, and the version that was served goes on.

mod build;
mod project;
mod serving;
mod signals;
mod stand_ins;
mod substitution;
mod watch;

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tollgate_proxy::GenerationId;

use crate::args::DevArguments;
use crate::error::CommandError;
use crate::logging::print_error;
use build::Artifact;
use project::Project;
use serving::Serving;
use signals::Ending;
use watch::Watch;

/// Builds and serves until a signal ends it.
///
/// # Errors
///
/// When there is no crate to build, or files cannot be watched.
pub(crate) fn dev(arguments: &DevArguments) -> Result<ExitCode, CommandError> {
    let mut ending = Ending::register()?;
    let project = Project::find(&arguments.dir)?;
    let mut arguments = arguments.clone();
    let settings = &mut arguments.settings.tollgate_config;
    for file in [&mut arguments.config, settings].into_iter().flatten() {
        *file = absolute(file)?;
    }
    // Paths in the configuration are meant from the crate's folder.
    std::env::set_current_dir(project.folder())?;
    let mut session = Session {
        watch: Watch::start(&project.folder().join("src"))?,
        serving: Serving::prepare(arguments, &project)?,
        project,
        generation: None,
        size: 0,
    };
    session.greet()?;
    session.run(&mut ending)?;
    session.serving.drain();
    Ok(ExitCode::SUCCESS)
}

fn absolute(file: &Path) -> Result<PathBuf, CommandError> {
    file.canonicalize()
        .map_err(|error| format!("{}: {error}", file.display()).into())
}

struct Session {
    project: Project,
    watch: Watch,
    serving: Serving,
    /// What is served.
    generation: Option<GenerationId>,
    /// The module's size in it.
    size: u64,
}

impl Session {
    fn greet(&mut self) -> io::Result<()> {
        self.watch.add([self.project.manifest.clone()]);
        self.watch.add(self.serving.files());
        let mut out = io::stdout().lock();
        let (name, configuration) = (&self.project.name, self.serving.configuration());
        writeln!(out, "{name}: building, to be served with {configuration}")?;
        out.flush()
    }

    /// Builds and serves, again after each change, until a signal comes.
    fn run(&mut self, ending: &mut Ending) -> io::Result<()> {
        loop {
            let Some(built) = ending.or(build::build(&self.project)) else {
                return Ok(());
            };
            match built {
                Ok(Some(artifact)) => self.publish(&artifact)?,
                Ok(None) => self.say_what_goes_on("the build failed")?,
                Err(reason) => {
                    print_error(&reason.into());
                    self.say_what_goes_on("the build failed")?;
                }
            }
            let Some(changed) = ending.or(self.watch.changed()) else {
                return Ok(());
            };
            self.print_changes(&changed)?;
        }
    }

    fn publish(&mut self, artifact: &Artifact) -> io::Result<()> {
        self.watch.add(artifact.inputs.iter().cloned());
        match self.serving.publish(&artifact.path) {
            Ok(Some(generation)) => self.print_generation(generation, artifact),
            Ok(None) => self.say_what_goes_on("nothing is different"),
            Err(error) => {
                print_error(&error);
                self.say_what_goes_on("the new version cannot be served")
            }
        }
    }

    fn print_generation(&mut self, generation: GenerationId, built: &Artifact) -> io::Result<()> {
        let live = built.done.elapsed().as_millis();
        let seconds = built.took.as_secs_f64();
        let is_first = self.generation.replace(generation).is_none();
        let before = std::mem::replace(&mut self.size, built.size);
        let difference = if is_first {
            String::new()
        } else if before > built.size {
            format!(" (-{})", before - built.size)
        } else {
            format!(" (+{})", built.size - before)
        };
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "generation {generation} serves: {} bytes{difference}, built in {seconds:.1} s, \
             live {live} ms later",
            built.size
        )?;
        if is_first {
            for (name, address) in self.serving.addresses() {
                writeln!(out, "  {name}  {address}")?;
            }
            writeln!(out, "Ctrl-C ends it.")?;
        }
        out.flush()
    }

    fn say_what_goes_on(&self, what: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.generation {
            None => writeln!(out, "{what}; the next change is awaited")?,
            Some(generation) => writeln!(out, "{what}; generation {generation} still serves")?,
        }
        out.flush()
    }

    fn print_changes(&self, changed: &BTreeSet<PathBuf>) -> io::Result<()> {
        let folder = self.project.folder();
        let shown = changed
            .iter()
            .map(|path| path.strip_prefix(folder).unwrap_or(path));
        let shown: Vec<_> = shown.map(|path| path.display().to_string()).collect();
        let mut out = io::stdout().lock();
        writeln!(out, "changed: {}", shown.join(", "))?;
        out.flush()
    }
}
