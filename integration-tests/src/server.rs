//! A proxy's process: real Envoy or Tollgate, started from a file of `envoy-config/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::artifact::{repository_root, tollgate_program};
use crate::client::Request;
use crate::envoy::envoy_program;
use crate::process::Supervised;
use crate::template::{self, ADMIN, Ports};

/// Compiling modules without optimisation takes its time on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);
const READY_INTERVAL: Duration = Duration::from_millis(10);

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Real Envoy, the specification.
    Envoy,
    /// Tollgate.
    Tollgate,
}

/// How a proxy is started.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Which proxy.
    pub kind: Kind,
    /// Its configuration.
    pub file: &'a Path,
    /// Ports of the shipped file and those that stand for them; the others are chosen.
    pub ports: Ports,
    /// What the command line begins with, such as `taskset`.
    pub wrapper: &'a [&'a str],
    /// How many workers it has.
    pub workers: u32,
    /// What Tollgate alone is told.
    pub tollgate_arguments: &'a [&'a str],
}

/// A proxy that ended instead of serving.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What it printed.
    pub lines: Vec<String>,
}

/// A running proxy.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    process: Supervised,
    ports: Ports,
    _folder: TempDir,
}

impl Server {
    /// Starts a proxy and waits until it serves.
    #[must_use]
    pub fn start(launch: &Launch<'_>) -> Self {
        let kind = launch.kind;
        Self::try_start(launch).unwrap_or_else(|refusal| {
            panic!("{kind:?} does not serve:\n{}", refusal.lines.join("\n"))
        })
    }

    /// Starts a proxy and waits until it serves or ends.
    ///
    /// # Errors
    ///
    /// When it ends.
    pub fn try_start(launch: &Launch<'_>) -> Result<Self, Refusal> {
        let (kind, file) = (launch.kind, launch.file);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let (filled, ports) = template::fill(&text, &launch.ports);
        let filled_file = folder
            .path()
            .join(file.file_name().expect("a file has a name"));
        fs::write(&filled_file, filled).expect("the temporary folder takes files");
        let process = run(launch, &filled_file, folder.path());
        let mut server = Self {
            kind,
            process,
            ports,
            _folder: folder,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Which proxy this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The running program.
    #[must_use]
    pub fn process(&self) -> &Supervised {
        &self.process
    }

    /// The running program, for scenarios about its end.
    pub fn process_mut(&mut self) -> &mut Supervised {
        &mut self.process
    }

    /// The port that stands for one of the shipped file.
    #[must_use]
    pub fn port(&self, shipped: u16) -> u16 {
        *self
            .ports
            .get(&shipped)
            .unwrap_or_else(|| panic!("the file names no port {shipped}"))
    }

    fn wait_until_ready(&mut self) -> Result<(), Refusal> {
        let deadline = Instant::now() + READY_LIMIT;
        while Request::new(self.port(ADMIN), "GET", "/ready")
            .send()
            .status
            != 200
        {
            if self.process.ended().is_some() {
                self.process.wait_for_end_of_output();
                return Err(Refusal {
                    lines: self.process.lines(),
                });
            }
            assert!(
                Instant::now() < deadline,
                "{:?} is not ready:\n{}",
                self.kind,
                self.process.lines().join("\n")
            );
            thread::sleep(READY_INTERVAL);
        }
        Ok(())
    }
}

fn run(launch: &Launch<'_>, file: &Path, scratch: &Path) -> Supervised {
    let file = file.display().to_string();
    let workers = launch.workers.to_string();
    let (program, arguments): (&Path, Vec<&str>) = match launch.kind {
        Kind::Envoy => {
            let how = [
                "--disable-hot-restart",
                // Access logs that come ten seconds later are of no use to a test.
                "--file-flush-interval-msec",
                "20",
                "--concurrency",
                &workers,
                "--config-path",
                &file,
            ];
            (envoy_program(), how.to_vec())
        }
        Kind::Tollgate => (
            tollgate_program(),
            [
                &["run", &file, "--concurrency", &workers],
                launch.tollgate_arguments,
            ]
            .concat(),
        ),
    };
    let name = program.display().to_string();
    let command: Vec<_> = [launch.wrapper, &[&name], &arguments].concat();
    let (first, rest) = command.split_first().expect("a command has a program");
    Supervised::start(&PathBuf::from(first), rest, &repository_root(), scratch)
}
