//! How the program ends.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tollgate_integration_tests::client::{Body, Gate, Open, Version};
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::{Kind, Proxy, envoy_config_dir, free_port, kill_signal};

use crate::guests::Guest;
use crate::support::{Configuration, Folder, LIMIT};

const LISTENER: u16 = 10_000;

/// A proxy with a request whose answer has begun and waits for a gate.
struct Busy {
    proxy: Proxy,
    gate: Gate,
    open: Open,
}

impl Busy {
    fn start() -> Self {
        let file = envoy_config_dir().join("pass-through.yaml");
        let proxy = Proxy::start(Kind::Tollgate, &file);
        let gate = Gate::closed();
        let body = Body::chunks()
            .chunk("begun")
            .wait(&gate)
            .chunk(" and ended");
        proxy.origin().answer("/slow", Answer::stream(body));
        let open = proxy
            .get(LISTENER, "/slow")
            .start()
            .open()
            .expect("an answer begins");
        let (open, _) = open.wait_for_bytes(5);
        Self { proxy, gate, open }
    }

    fn signal(&mut self, name: &str) {
        kill_signal(self.proxy.server_mut().process().pid(), name);
    }

    /// Waits until the program has noticed a signal.
    #[track_caller]
    fn wait_for_drain(&mut self) {
        let process = self.proxy.server_mut().process();
        let found = process.wait_for_line(0, LIMIT, |line| line.contains("draining"));
        assert!(found, "{:#?}", process.lines());
    }

    /// Waits until nobody listens any more.
    #[track_caller]
    fn wait_until_closed(&self) {
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", self.proxy.port(LISTENER))).is_ok() {
            assert!(Instant::now() < deadline, "the listener still accepts");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn exit_code(&mut self) -> Option<i32> {
        let status = self.proxy.server_mut().process_mut().wait(LIMIT);
        assert!(status.is_some(), "the program does not end");
        status.and_then(|status| status.code())
    }
}

#[track_caller]
fn drains_at(signal: &str) {
    let mut busy = Busy::start();
    let idle = busy.proxy.connect(LISTENER, Version::Http1);
    busy.signal(signal);
    busy.wait_for_drain();
    busy.wait_until_closed();
    assert!(busy.proxy.server_mut().process_mut().ended().is_none());
    busy.gate.open();
    let (open, mut proxy) = (busy.open, busy.proxy);
    let response = open.finish();
    assert_eq!(response.text(), "begun and ended");
    assert!(response.complete);
    drop(idle);
    let status = proxy.server_mut().process_mut().wait(LIMIT);
    assert_eq!(status.expect("the program ends").code(), Some(0));
}

#[test]
fn sigterm_refuses_connections_and_finishes_the_request_in_flight() {
    drains_at("TERM");
}

#[test]
fn sigint_refuses_connections_and_finishes_the_request_in_flight() {
    drains_at("INT");
}

#[test]
fn a_second_signal_ends_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let mut busy = Busy::start();
        busy.signal(first);
        busy.wait_for_drain();
        busy.signal(second);
        assert_eq!(busy.exit_code(), Some(0), "{first} {second}");
        assert!(!busy.open.finish().complete);
    }
}

#[test]
fn a_program_without_connections_ends_at_the_first_signal() {
    let file = envoy_config_dir().join("pass-through.yaml");
    let mut proxy = Proxy::start(Kind::Tollgate, &file);
    kill_signal(proxy.server_mut().process().pid(), "TERM");
    let process = proxy.server_mut().process_mut();
    let status = process.wait(LIMIT).expect("the program ends");
    assert_eq!(status.code(), Some(0));
    let lines = process.lines();
    assert!(
        lines.iter().any(|line| line.contains("stopped")),
        "{lines:#?}"
    );
}

#[test]
fn a_signal_during_the_start_is_remembered_and_ends_the_program_in_order() {
    let folder = Folder::new();
    let module = folder.write("module.wasm", Guest::new().bytes());
    let configuration = Configuration::new(free_port(), free_port()).plugin(&module, "");
    let file = folder.write("envoy.yaml", configuration.text());
    // The program's first line; no file has been read, nothing bound.
    let mut process = folder.start(&["run", &file], " tollgate");
    kill_signal(process.pid(), "TERM");
    let status = process.wait(LIMIT).expect("the program ends");
    process.wait_for_end_of_output();
    let lines = process.lines();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    for step in ["serving", "draining", "stopped"] {
        let found = lines.iter().any(|line| line.contains(step));
        assert!(found, "{step} is missing in {lines:#?}");
    }
}
