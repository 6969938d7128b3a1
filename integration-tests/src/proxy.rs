//! A proxy under test: real Envoy or Tollgate, with an origin of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::artifact::{repository_root, tollgate_program};
use crate::client::{Connection, Request, Version};
use crate::envoy::envoy_program;
use crate::guest_log::GuestLine;
use crate::origin::Origin;
use crate::process::Supervised;
use crate::template::{self, ADMIN, Ports};

/// Compiling modules without optimisation takes its time on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// A guest's log line follows what caused it at once.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// So long a proxy prints nothing when its streams are over.
const SILENCE: Duration = Duration::from_millis(10);

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Real Envoy, the specification.
    Envoy,
    /// Tollgate.
    Tollgate,
}

/// A running proxy, its ports and its origin.
#[derive(Debug)]
pub struct Proxy {
    kind: Kind,
    process: Supervised,
    origin: Origin,
    ports: Ports,
    /// Where the running scenario's output begins.
    mark: AtomicUsize,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a proxy from a file of `envoy-config/` and waits until it serves.
    #[must_use]
    pub fn start(kind: Kind, file: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let origin = Origin::start();
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let (filled, ports) = template::fill(&text, origin.ports());
        let file_name = file.file_name().expect("a file has a name");
        let filled_file = folder.path().join(file_name);
        fs::write(&filled_file, filled).expect("the temporary folder takes files");
        let process = launch(kind, &filled_file, folder.path());
        let mark = AtomicUsize::new(0);
        let mut proxy = Self {
            kind,
            process,
            origin,
            ports,
            mark,
            _folder: folder,
        };
        proxy.wait_until_ready();
        proxy
    }

    /// Which proxy this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The origin behind this proxy.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The proxy's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
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

    /// A request to a listener, named by its port in the shipped file.
    #[must_use]
    pub fn request(&self, listener: u16, method: &str, path: &str) -> Request {
        Request::new(self.port(listener), method, path)
    }

    /// A GET request to a listener.
    #[must_use]
    pub fn get(&self, listener: u16, path: &str) -> Request {
        self.request(listener, "GET", path)
    }

    /// A POST request to a listener.
    #[must_use]
    pub fn post(&self, listener: u16, path: &str) -> Request {
        self.request(listener, "POST", path)
    }

    /// A connection to a listener.
    #[must_use]
    pub fn connect(&self, listener: u16, version: Version) -> Connection {
        Connection::open(self.port(listener), version)
    }

    /// What the admin interface says at a path.
    #[must_use]
    pub fn admin(&self, path: &str) -> String {
        self.get(ADMIN, path).send().text()
    }

    /// All custom metrics whose name has a part, with their values as the admin interface shows them.
    #[must_use]
    pub fn custom_metrics(&self, part: &str) -> BTreeMap<String, String> {
        self.admin("/stats")
            .lines()
            .filter_map(|line| line.strip_prefix("wasmcustom.")?.split_once(": "))
            .filter(|(name, _)| name.contains(part))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Waits for a line of a guest that holds a text; returns `level message` of all lines of that
    /// plugin since the scenario began, up to that one.
    #[must_use]
    pub fn guest_log(&self, plugin: &str, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.guest_lines(plugin, last) {
            let is_last = line.message.contains(last);
            lines.push(format!("{} {}", line.level, line.message));
            if is_last {
                break;
            }
        }
        lines
    }

    /// As [`Self::guest_log`], but the prefixes of the lines, each once.
    #[must_use]
    pub fn guest_log_prefixes(&self, plugin: &str, last: &str) -> Vec<String> {
        let mut prefixes: Vec<_> = self
            .guest_lines(plugin, last)
            .into_iter()
            .map(|line| line.prefix)
            .collect();
        prefixes.dedup();
        prefixes
    }

    /// Guests' lines since the scenario began, without waiting.
    #[must_use]
    pub fn guest_log_so_far(&self, plugin: &str) -> Vec<String> {
        self.parsed_lines(plugin)
            .iter()
            .map(|l| format!("{} {}", l.level, l.message))
            .collect()
    }

    fn guest_lines(&self, plugin: &str, last: &str) -> Vec<GuestLine> {
        let mark = self.mark.load(Ordering::Relaxed);
        let found = self.process.wait_for_line(mark, LOG_LIMIT, |line| {
            GuestLine::parse(line).is_some_and(|l| l.is_from(plugin) && l.message.contains(last))
        });
        let lines = self.parsed_lines(plugin);
        let kind = self.kind;
        assert!(
            found,
            "{kind:?}: plugin {plugin} logged no line with {last:?}, only {lines:#?}"
        );
        lines
    }

    fn parsed_lines(&self, plugin: &str) -> Vec<GuestLine> {
        let lines = self.process.lines_from(self.mark.load(Ordering::Relaxed));
        let parsed = lines.iter().filter_map(|line| GuestLine::parse(line));
        parsed.filter(|line| line.is_from(plugin)).collect()
    }

    /// Everything the proxy has printed.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Begins a scenario: what came before does not count, nor what a stream of the scenario before
    /// logs when its client has already got all.
    pub(crate) fn begin(&self) {
        self.process.wait_for_silence(SILENCE);
        self.mark
            .store(self.process.line_count(), Ordering::Relaxed);
        self.origin.reset();
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_LIMIT;
        while self.get(ADMIN, "/ready").send().status != 200 {
            let kind = self.kind;
            if let Some(status) = self.process.ended() {
                panic!(
                    "{kind:?} ended with {status}:\n{}",
                    self.process.lines().join("\n")
                );
            }
            let lines = || self.process.lines().join("\n");
            assert!(
                Instant::now() < deadline,
                "{kind:?} is not ready:\n{}",
                lines()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn launch(kind: Kind, file: &Path, scratch: &Path) -> Supervised {
    let file = file.display().to_string();
    let (program, arguments): (PathBuf, Vec<&str>) = match kind {
        Kind::Envoy => (
            envoy_program().to_path_buf(),
            vec![
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "--component-log-level",
                "wasm:debug",
                "--config-path",
                &file,
            ],
        ),
        Kind::Tollgate => (
            tollgate_program().to_path_buf(),
            vec!["run", &file, "--concurrency", "1"],
        ),
    };
    Supervised::start(&program, &arguments, &repository_root(), scratch)
}
