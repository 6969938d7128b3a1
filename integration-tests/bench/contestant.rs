//! The proxies that are measured.

use std::fs;
use std::time::Duration;

use tollgate_integration_tests::{Kind, Launch, Ports, Server, envoy_config_dir};

use crate::nginx::Nginx;
use crate::options::Options;

/// Listener of every configuration here.
pub(crate) const LISTENER: u16 = 10_000;
/// The origin's port in every configuration here.
const ORIGIN: u16 = 8080;

/// Filters to measure: configuration, and what Tollgate is told.
const FILTERS: [(&str, &str, &[&str]); 5] = [
    ("", "pass-through.yaml", &[]),
    ("+hello", "hello.yaml", WORKER),
    ("+api-key", "api-key-auth.yaml", WORKER),
    ("+hello/stream", "hello.yaml", STREAM),
    ("+api-key/stream", "api-key-auth.yaml", STREAM),
];

const WORKER: &[&str] = &["--isolation", "worker"];
/// Envoy has nothing like it.
const STREAM: &[&str] = &["--isolation", "stream"];

/// A proxy with or without a filter.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) port: u16,
    /// Whether it speaks HTTP/2 without TLS beside HTTP/1.1.
    pub(crate) http2: bool,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Proxy(Server),
    Nginx(Nginx),
}

impl Contestant {
    fn pid(&self) -> u32 {
        match &self.running {
            Running::Proxy(server) => server.process().pid(),
            Running::Nginx(nginx) => nginx.pid(),
        }
    }

    /// Processor time that all threads have used so far, by the scheduler's count.
    pub(crate) fn processor_time(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid()));
        let nanoseconds = threads
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|thread| {
                let counts = fs::read_to_string(thread.path().join("schedstat")).ok()?;
                counts.split_whitespace().next()?.parse::<u64>().ok()
            });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .unwrap_or_default()
    }
}

/// Starts everything that takes part.
pub(crate) fn start_all(options: &Options, origin: u16) -> Vec<Contestant> {
    let takes_part = |kind: &str| options.only.iter().any(|chosen| chosen == kind);
    let mut all = Vec::new();
    if takes_part("nginx") {
        let nginx = Nginx::proxy(options, origin);
        let port = nginx.port();
        let running = Running::Nginx(nginx);
        all.push(Contestant {
            name: "nginx".to_owned(),
            port,
            http2: false,
            running,
        });
    }
    for (kind, name) in [(Kind::Envoy, "envoy"), (Kind::Tollgate, "tollgate")] {
        if !takes_part(name) {
            continue;
        }
        for (filter, file, tollgate_arguments) in FILTERS {
            if kind == Kind::Envoy && tollgate_arguments == STREAM {
                continue;
            }
            let ports = Ports::from([(ORIGIN, origin)]);
            let file = envoy_config_dir().join(file);
            let wrapper = options.proxy_wrapper();
            let server = Server::start(&Launch {
                kind,
                file: &file,
                ports,
                wrapper,
                workers: 1,
                tollgate_arguments,
            });
            let port = server.port(LISTENER);
            let name = format!("{name}{filter}");
            let running = Running::Proxy(server);
            all.push(Contestant {
                name,
                port,
                http2: true,
                running,
            });
        }
    }
    all
}
