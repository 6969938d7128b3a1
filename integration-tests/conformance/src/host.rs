//! A host under test, which starts a fresh proxy for what it is asked.

use tempfile::TempDir;
use tollgate_integration_tests::{Kind, Proxy, Refusal, chosen_proxies};

use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;

/// So often a proxy is started at most.
const ATTEMPTS: u32 = 3;

/// Envoy or Tollgate.
#[derive(Debug)]
pub struct Host {
    kind: Kind,
}

impl Host {
    /// Returns a host that starts this proxy.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind }
    }

    /// The hosts that tests run on: both, unless one is chosen.
    #[must_use]
    pub fn all() -> Vec<Self> {
        chosen_proxies().into_iter().map(Self::new).collect()
    }

    /// Which proxy it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts a proxy and waits until it serves.
    #[must_use]
    pub fn serve(&self, setup: &Setup) -> Running {
        self.start(setup).unwrap_or_else(|refusal| {
            panic!(
                "{:?} does not serve:\n{}",
                self.kind,
                refusal.lines.join("\n")
            )
        })
    }

    /// Starts a proxy that is to refuse; returns what it complains about, line by line, or `None`
    /// when it serves.
    #[must_use]
    pub fn refuses(&self, setup: &Setup) -> Option<String> {
        let refusal = self.start(setup).err()?;
        let complaints: Vec<_> = refusal
            .lines
            .iter()
            .filter(|line| !is_chat(line))
            .map(String::as_str)
            .collect();
        Some(complaints.join("\n"))
    }

    /// Says whether a proxy serves or refuses, and which of these words its refusal has:
    /// `serves`, `refuses`, `refuses: env.foo`.
    #[must_use]
    pub fn reaction(&self, setup: &Setup, words: &[&str]) -> String {
        let Some(complaint) = self.refuses(setup) else {
            return "serves".to_owned();
        };
        let named: Vec<_> = words
            .iter()
            .filter(|word| complaint.contains(**word))
            .copied()
            .collect();
        if named.is_empty() {
            "refuses".to_owned()
        } else {
            format!("refuses: {}", named.join(", "))
        }
    }

    /// Serves a guest, sends one GET request and returns what the guest reported, joined by `, `.
    #[must_use]
    pub fn reports(&self, guest: &str) -> String {
        let proxy = self.serve(&Setup::http(Plugin::wat(guest)));
        let status = proxy.get("/").send().status;
        assert_eq!(status, 200, "the request passes\n{}", proxy.last_output());
        proxy.reports().join(", ")
    }

    /// Starts a proxy, again when somebody else was quicker to take a port that had been free.
    fn start(&self, setup: &Setup) -> Result<Running, Refusal> {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let folder = TempDir::new().expect("a temporary folder");
            let file = setup.write(folder.path());
            match Proxy::try_start(self.kind, &file, setup.workers()) {
                Ok(proxy) => return Ok(Running::new(proxy, folder)),
                Err(refusal) if attempts > 0 && lost_a_port(&refusal) => {}
                Err(refusal) => return Err(refusal),
            }
        }
    }
}

fn lost_a_port(refusal: &Refusal) -> bool {
    let is_about_it = |line: &String| line.contains("Address already in use");
    refusal.lines.iter().any(is_about_it)
}

/// Whether a line is none of a refusal.
pub(crate) fn is_chat(line: &str) -> bool {
    [
        "[info]",
        "[debug]",
        "[warning]",
        " INFO ",
        " WARN ",
        "DEBUG",
    ]
    .iter()
    .any(|level| line.contains(level))
}
