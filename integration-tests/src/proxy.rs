//! A proxy under test: real Envoy or Tollgate, with an origin of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::{Connection, Request, Version};
use crate::guest_log::GuestLine;
use crate::origin::Origin;
use crate::server::{Kind, Launch, Refusal, Server};
use crate::template::ADMIN;

/// A guest's log line follows what caused it at once.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// So long a proxy prints nothing when its streams are over.
const SILENCE: Duration = Duration::from_millis(10);

/// A running proxy, its ports and its origin.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    origin: Origin,
    /// Where the running scenario's output begins.
    mark: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy from a file of `envoy-config/` and waits until it serves.
    #[must_use]
    pub fn start(kind: Kind, file: &Path) -> Self {
        Self::try_start(kind, file, 1).unwrap_or_else(|refusal| {
            panic!("{kind:?} does not serve:\n{}", refusal.lines.join("\n"))
        })
    }

    /// Starts a proxy with so many workers and waits until it serves or ends.
    ///
    /// # Errors
    ///
    /// When it ends.
    pub fn try_start(kind: Kind, file: &Path, workers: u32) -> Result<Self, Refusal> {
        let origin = Origin::start();
        let server = Server::try_start(&Launch {
            kind,
            file,
            ports: origin.ports().clone(),
            wrapper: &[],
            workers,
            tollgate_arguments: &[],
        })?;
        Ok(Self {
            server,
            origin,
            mark: AtomicUsize::new(0),
        })
    }

    /// Which proxy this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.server.kind()
    }

    /// The origin behind this proxy.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The proxy's process and ports.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The port that stands for one of the shipped file.
    #[must_use]
    pub fn port(&self, shipped: u16) -> u16 {
        self.server.port(shipped)
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
        let found = self
            .server
            .process()
            .wait_for_line(mark, LOG_LIMIT, |line| {
                GuestLine::parse(line)
                    .is_some_and(|l| l.is_from(plugin) && l.message.contains(last))
            });
        let lines = self.parsed_lines(plugin);
        let kind = self.kind();
        assert!(
            found,
            "{kind:?}: plugin {plugin} logged no line with {last:?}, only {lines:#?}"
        );
        lines
    }

    fn parsed_lines(&self, plugin: &str) -> Vec<GuestLine> {
        let lines = self
            .server
            .process()
            .lines_from(self.mark.load(Ordering::Relaxed));
        let parsed = lines.iter().filter_map(|line| GuestLine::parse(line));
        parsed.filter(|line| line.is_from(plugin)).collect()
    }

    /// Waits for a printed line that holds a text; returns all such lines of the scenario.
    #[must_use]
    pub fn wait_for_output(&self, wanted: &str) -> Vec<String> {
        let mark = self.mark.load(Ordering::Relaxed);
        let process = self.server.process();
        let found = process.wait_for_line(mark, LOG_LIMIT, |line| line.contains(wanted));
        let lines = process.lines_from(mark);
        assert!(
            found,
            "{:?} printed no {wanted:?}, only {lines:#?}",
            self.kind()
        );
        lines
            .into_iter()
            .filter(|line| line.contains(wanted))
            .collect()
    }

    /// All lines of guests so far, whichever plugin they are from; none that a guest has written is
    /// missing.
    #[must_use]
    pub fn guest_lines_so_far(&self) -> Vec<GuestLine> {
        self.server.process().catch_up();
        parse(&self.server.process().lines())
    }

    /// Waits until guests have written what is looked for.
    ///
    /// # Errors
    ///
    /// When they have not; the value is what they have written.
    pub fn wait_for_guest_lines(
        &self,
        done: impl Fn(&[GuestLine]) -> bool,
    ) -> Result<Vec<GuestLine>, Vec<GuestLine>> {
        let process = self.server.process();
        let found = process.wait_for_lines(LOG_LIMIT, |lines| done(&parse(lines)));
        let lines = parse(&process.lines());
        if found { Ok(lines) } else { Err(lines) }
    }

    /// Everything the proxy has printed.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        self.server.process().lines()
    }

    /// Begins a scenario: what came before does not count, nor what a stream of the scenario before
    /// logs when its client has already got all.
    pub(crate) fn begin(&self) {
        self.server.process().wait_for_silence(SILENCE);
        self.mark
            .store(self.server.process().line_count(), Ordering::Relaxed);
        self.origin.reset();
    }
}

fn parse(lines: &[String]) -> Vec<GuestLine> {
    lines
        .iter()
        .filter_map(|line| GuestLine::parse(line))
        .collect()
}
