//! Runs of the program: their configuration, their output and their end.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tollgate_integration_tests::{Supervised, tollgate_command, tollgate_program};

/// Nothing takes so long, not even on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A folder for one test.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("the temporary folder takes files");
        path
    }

    /// The path of a file, which need not exist.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Runs the program until it ends by itself.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let create = |path: &str| File::create(path).expect("the temporary folder takes files");
        let mut child = tollgate_command()
            .args(arguments)
            .stdout(create(&out))
            .stderr(create(&err))
            .spawn()
            .expect("the program can be run");
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().expect("a child can be killed");
                let err = fs::read_to_string(&err).unwrap_or_default();
                panic!("{arguments:?} does not end:\n{err}");
            }
            thread::sleep(Duration::from_millis(10));
        };
        let read = |path: &str| fs::read_to_string(path).expect("output is text");
        Ended {
            code: status.code(),
            out: read(&out),
            err: read(&err),
        }
    }

    /// Starts the program and waits for a line that holds a text.
    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str], awaited: &str) -> Supervised {
        let mut process = Supervised::start(
            tollgate_program(),
            arguments,
            self.0.path(),
            &PathBuf::from(self.path(".")),
        );
        let found = process.wait_for_line(0, LIMIT, |line| line.contains(awaited));
        let ended = process.ended();
        assert!(
            found,
            "{arguments:?} ({ended:?}) prints no {awaited:?}:\n{}",
            process.lines().join("\n")
        );
        process
    }
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Asserts that the run went well and printed no fault.
    #[track_caller]
    pub(crate) fn went_well(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        assert_eq!(self.faults(), Vec::<&str>::new());
        self
    }

    /// Asserts exit code 1 and these faults, one line each, with all words of each.
    #[track_caller]
    pub(crate) fn refused(&self, faults: &[&[&str]]) -> &Self {
        self.ended_with(1, faults)
    }

    /// As [`Self::refused`], for a command line that makes no sense.
    #[track_caller]
    pub(crate) fn misused(&self, words: &[&str]) -> &Self {
        self.ended_with(2, &[words])
    }

    #[track_caller]
    fn ended_with(&self, code: i32, expected: &[&[&str]]) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.err);
        let faults = self.faults();
        assert_eq!(faults.len(), expected.len(), "{}", self.err);
        for (fault, words) in faults.iter().zip(expected) {
            assert!(fault.starts_with("tollgate: "), "{fault}");
            for word in *words {
                assert!(fault.contains(word), "{word:?} is missing in {fault}");
            }
        }
        for trace in ["panicked", "RUST_BACKTRACE", "Err(", "Some(", "Os {"] {
            assert!(!self.err.contains(trace), "{}", self.err);
        }
        self
    }

    /// The lines on standard error that are no log lines, and go on with none.
    fn faults(&self) -> Vec<&str> {
        let lines = self.err.lines();
        lines
            .filter(|line| !is_log_line(line) && !line.starts_with("  "))
            .collect()
    }

    /// The lines on standard error that are.
    pub(crate) fn log_lines(&self) -> Vec<&str> {
        self.err.lines().filter(|line| is_log_line(line)).collect()
    }
}

/// Whether a line begins with a time and a level.
fn is_log_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let has_time = words
        .next()
        .is_some_and(|word| word.starts_with("20") && word.ends_with('Z'));
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
    has_time && words.next().is_some_and(|word| levels.contains(&word))
}

/// A configuration in the making.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    listeners: Vec<(String, u16)>,
    admin: Option<u16>,
    upstream: u16,
    filter: String,
}

impl Configuration {
    /// One listener, called `ingress`, before an upstream.
    pub(crate) fn new(port: u16, upstream: u16) -> Self {
        Self {
            listeners: vec![("ingress".to_owned(), port)],
            admin: None,
            upstream,
            filter: String::new(),
        }
    }

    /// Adds a listener.
    pub(crate) fn listener(mut self, name: &str, port: u16) -> Self {
        self.listeners.push((name.to_owned(), port));
        self
    }

    /// Adds the admin interface.
    pub(crate) fn admin(mut self, port: u16) -> Self {
        self.admin = Some(port);
        self
    }

    /// Puts the plugin `guest`, whose root id is `root`, before the router of every listener.
    pub(crate) fn plugin(mut self, module: &str, configuration: &str) -> Self {
        let configuration = serde_json::Value::from(configuration);
        self.filter = format!(
            r#"
          - name: guest
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: guest
                root_id: root
                vm_config:
                  vm_id: vm
                  runtime: envoy.wasm.runtime.v8
                  code: {{ local: {{ filename: "{module}" }} }}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.StringValue
                  value: {configuration}"#
        );
        self
    }

    /// Puts the filter `guest`, which this file holds, before the router of every listener.
    pub(crate) fn discovered(mut self, file: &str) -> Self {
        self.filter = format!(
            r#"
          - name: guest
            config_discovery:
              type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]
              config_source:
                resource_api_version: V3
                path_config_source: {{ path: "{file}" }}"#
        );
        self
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(port) = self.admin {
            text.push_str(&format!("admin: {{ address: {} }}\n", address(port)));
        }
        text.push_str("static_resources:\n  listeners:\n");
        for (name, port) in &self.listeners {
            text.push_str(&listener(name, *port, &self.filter));
        }
        text.push_str(&format!(
            "  clusters:
  - name: origin
    connect_timeout: 1s
    type: STATIC
    load_assignment:
      cluster_name: origin
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {} }} }}] }}]
",
            address(self.upstream)
        ));
        text
    }
}

fn address(port: u16) -> String {
    format!("{{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}")
}

fn listener(name: &str, port: u16, filter: &str) -> String {
    format!(
        r#"  - name: {name}
    address: {}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: /fixed }}
                direct_response: {{ status: 200, body: {{ inline_string: fixed }} }}
              - match: {{ prefix: / }}
                route: {{ cluster: origin }}
          http_filters:{filter}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#,
        address(port)
    )
}
