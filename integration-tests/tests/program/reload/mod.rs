//! Reloads: a new configuration or module is live at once, and no request is lost.

mod bad;
mod ecds;
mod load;
mod mirror;
mod passing;
mod rollback;
mod serving;
mod watching;

use std::fs;
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;
use tollgate_integration_tests::client::{
    Body, Connection, Gate, Pending, Request, Response, Version,
};
use tollgate_integration_tests::{Supervised, free_port, kill_signal};

use crate::support::{Configuration, Folder, LIMIT};

/// A filter that marks requests and responses with its version.
pub(super) fn versioned(version: &str) -> Vec<u8> {
    let length = version.len();
    let text = format!(
        r#"(module
            (import "env" "proxy_add_header_map_value"
                (func $add (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "x-versionx-answered-by{version}")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_context_create") (param i32 i32))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $add (i32.const 0) (i32.const 0) (i32.const 9)
                    (i32.const 22) (i32.const {length})))
                (i32.const 0))
            (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                (drop (call $add (i32.const 2) (i32.const 9) (i32.const 13)
                    (i32.const 22) (i32.const {length})))
                (i32.const 0)))"#
    );
    wat::parse_str(text).expect("legal text")
}

/// As [`versioned`], but a request waits for a callout to the cluster `origin` first.
pub(super) fn versioned_with_callout(version: &str) -> Vec<u8> {
    let length = version.len();
    // Four pairs: count, sizes, then names and values, each with a zero behind it.
    let pairs = [
        (":method", "GET"),
        (":path", "/callout"),
        (":authority", "origin"),
        ("x-callout", "yes"),
    ];
    let number = |number: usize| {
        let bytes = u32::try_from(number).unwrap_or_default().to_le_bytes();
        bytes.map(|byte| format!("\\{byte:02x}")).concat()
    };
    let sizes = pairs.map(|(name, value)| number(name.len()) + &number(value.len()));
    let texts = pairs.map(|(name, value)| format!("{name}\\00{value}\\00"));
    let map = [number(pairs.len()), sizes.concat(), texts.concat()].concat();
    let size = 4 + pairs
        .map(|(name, value)| 8 + name.len() + value.len() + 2)
        .iter()
        .sum::<usize>();
    let text = format!(
        r#"(module
            (import "env" "proxy_add_header_map_value"
                (func $add (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_http_call"
                (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_set_effective_context" (func $act_on (param i32) (result i32)))
            (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "x-versionx-answered-by{version}")
            (data (i32.const 100) "origin")
            (data (i32.const 200) "{map}")
            ;; Contexts wait at 8192 by token, which counts up from 1 and begins anew at 4096.
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_context_create") (param i32 i32))
            (func $slot (param $token i32) (result i32)
                (i32.add (i32.const 8192)
                    (i32.shl (i32.and (local.get $token) (i32.const 4095)) (i32.const 2))))
            (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
                (drop (call $add (i32.const 0) (i32.const 0) (i32.const 9)
                    (i32.const 22) (i32.const {length})))
                (if (call $call (i32.const 100) (i32.const 6) (i32.const 200) (i32.const {size})
                        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i32.const 10000) (i32.const 500))
                    (then (unreachable)))
                (i32.store (call $slot (i32.load (i32.const 500))) (local.get $id))
                (i32.const 1))
            (func (export "proxy_on_http_call_response")
                (param i32) (param $token i32) (param i32 i32 i32)
                (drop (call $act_on (i32.load (call $slot (local.get $token)))))
                (drop (call $continue (i32.const 0))))
            (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                (drop (call $add (i32.const 2) (i32.const 9) (i32.const 13)
                    (i32.const 22) (i32.const {length})))
                (i32.const 0)))"#
    );
    wat::parse_str(text).expect("legal text")
}

/// A run of the program with one versioned filter, whose files a test replaces.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) folder: Folder,
    pub(super) process: Supervised,
    pub(super) port: u16,
    pub(super) admin: u16,
    upstream: u16,
}

impl Run {
    /// Starts with version `1` before an upstream on this port. Files are not watched.
    #[track_caller]
    pub(super) fn start(upstream: u16) -> Self {
        Self::start_with(upstream, &["--no-watch"])
    }

    /// As [`Self::start`], with more arguments.
    #[track_caller]
    pub(super) fn start_with(upstream: u16, arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let (port, admin) = (free_port(), free_port());
        let module = folder.write("filter.wasm", versioned("1"));
        let configuration = Configuration::new(port, upstream).admin(admin);
        let text = configuration.plugin(&module, "").text();
        let file = folder.write("envoy.yaml", text);
        // Long enough for a look, and no test waits for long.
        let settings = "reload: { rollback: { window: 1s } }\n";
        let settings = folder.write("tollgate.yaml", settings);
        let given = [
            "run",
            &file,
            "--concurrency",
            "2",
            "--tollgate-config",
            &settings,
        ];
        let all = [&given, arguments].concat();
        let process = folder.start(&all, "serving");
        Self {
            folder,
            process,
            port,
            admin,
            upstream,
        }
    }

    /// The configuration that was started with, to be changed.
    pub(super) fn configuration(&self) -> Configuration {
        let configuration = Configuration::new(self.port, self.upstream).admin(self.admin);
        configuration.plugin(&self.folder.path("filter.wasm"), "")
    }

    pub(super) fn write_module(&self, bytes: impl AsRef<[u8]>) {
        self.folder.write("filter.wasm", bytes);
    }

    pub(super) fn write_configuration(&self, configuration: &Configuration) {
        self.folder.write("envoy.yaml", configuration.text());
    }

    /// Asks the admin interface to reload; returns the status and what it says.
    #[track_caller]
    pub(super) fn reload(&self) -> (u16, Value) {
        let answer = Request::new(self.admin, "POST", "/tollgate/reload").send();
        let said = serde_json::from_str(&answer.text()).expect("JSON");
        (answer.status, said)
    }

    /// Asks the admin interface to reload, which must go well.
    #[track_caller]
    pub(super) fn reload_well(&self) -> Value {
        let (status, said) = self.reload();
        assert_eq!(status, 200, "{said:#}");
        said
    }

    /// Asks the admin interface to reload, which must be refused with all these words.
    #[track_caller]
    pub(super) fn reload_refused(&self, words: &[&str]) {
        let (status, said) = self.reload();
        assert_eq!(status, 400, "{said:#}");
        let error = said.get("error").and_then(Value::as_str);
        let error = error.unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
    }

    pub(super) fn hang_up(&mut self) {
        kill_signal(self.process.pid(), "HUP");
    }

    pub(super) fn connect(&self) -> Connection {
        Connection::open(self.port, Version::Http1)
    }

    /// The version of the filter that answers a new connection.
    #[track_caller]
    pub(super) fn version(&self) -> String {
        answered_by(&Request::new(self.port, "GET", "/fixed").send())
    }

    /// Waits until new connections are answered by a version.
    #[track_caller]
    pub(super) fn wait_for_version(&self, version: &str) {
        self.wait_until(&format!("version {version}"), || self.version() == version);
    }

    /// Waits until something holds.
    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "no {what}: {:#?}",
                self.process.lines()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Begins a request whose body waits, and waits until it has passed the filter.
    #[track_caller]
    pub(super) fn hold_stream(&self, upstream: &mirror::Mirror) -> Held {
        let before = upstream.streams();
        let gate = Gate::closed();
        let body = Body::chunks().chunk("a").wait(&gate).chunk("b");
        let pending = Request::new(self.port, "POST", "/").stream(body).start();
        self.wait_until("stream", || upstream.streams() > before);
        Held { gate, pending }
    }

    /// The number of VMs.
    #[track_caller]
    pub(super) fn vms(&self) -> u64 {
        self.stat("wasm.wasm_vm_count")
    }

    /// Whether one generation is left, with this number of VMs.
    pub(super) fn is_settled(&self, vms: u64) -> bool {
        self.stat("tollgate.generations_alive") == 1 && self.vms() == vms
    }

    /// The value of a statistic.
    #[track_caller]
    pub(super) fn stat(&self, name: &str) -> u64 {
        let page = Request::new(self.admin, "GET", "/stats").send().text();
        let prefix = format!("{name}: ");
        let value = page.lines().find_map(|line| line.strip_prefix(&prefix));
        value.map_or(0, |value| value.parse().expect("a number"))
    }

    /// Resident memory of the program in KiB.
    pub(super) fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.pid());
        let status = fs::read_to_string(path).expect("the program runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|kib| kib.parse().ok()).expect("a number")
    }
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Held {
    gate: Gate,
    pending: Pending,
}

impl Held {
    /// Lets it go on, and returns its answer.
    #[track_caller]
    pub(super) fn release(self) -> Response {
        self.gate.open();
        self.pending.finish()
    }

    /// Returns the answer that it gets while it waits.
    #[track_caller]
    pub(super) fn wait_for_answer(self) -> Response {
        self.pending.finish()
    }
}

/// The version that has answered.
#[track_caller]
pub(super) fn answered_by(response: &Response) -> String {
    let version = response.header("x-answered-by");
    version.expect("a version has answered").to_owned()
}

/// Whether anybody listens on a port.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
