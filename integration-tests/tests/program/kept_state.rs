//! The warning about filters that keep state in their memory.

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::{Kind, Launch, Ports, Server, envoy_config_dir, free_port};

use crate::support::{Configuration, Folder, LIMIT};

const SETTINGS: &str = "diagnosis: { warn_on_kept_state: true }\n";
const WARNING: &str = "keeps state in its memory";
const LISTENER: u16 = 10_000;
const ADMIN: u16 = 9901;

/// Numbers the requests that it has seen.
const COUNTING: &str = r#"(module
    (import "env" "proxy_add_header_map_value"
        (func $add (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "x-number")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
        (drop (call $add (i32.const 0) (i32.const 0) (i32.const 8)
            (i32.const 64) (i32.const 1)))
        (i32.const 0)))"#;

#[test]
fn a_filter_that_numbers_requests_is_warned_about_in_either_isolation() {
    for isolation in ["worker", "stream"] {
        let folder = Folder::new();
        let module = folder.write("filter.wasm", wat::parse_str(COUNTING).expect("legal text"));
        let port = free_port();
        let text = Configuration::new(port, 1).plugin(&module, "").text();
        let file = folder.write("envoy.yaml", text);
        let settings = folder.write("tollgate.yaml", SETTINGS);
        let arguments = ["--tollgate-config", &settings, "--isolation", isolation];
        let given = [&["run", &file, "--concurrency", "1"], &arguments[..]].concat();
        let process = folder.start(&given, "serving");
        for _ in 0..2 {
            assert_eq!(Request::new(port, "GET", "/fixed").send().status, 200);
        }
        let is_told = process.wait_for_line(0, LIMIT, |line| {
            line.contains(WARNING) && line.contains("guest") && line.contains("x-number")
        });
        assert!(is_told, "{isolation}: {:#?}", process.lines());
    }
}

/// Serves a shipped file and asks it with these headers, again and again.
fn never_warned(file: &str, asked: &[(&str, &str)]) {
    for isolation in ["worker", "stream"] {
        let folder = Folder::new();
        let settings = folder.write("tollgate.yaml", SETTINGS);
        let server = Server::start(&Launch {
            kind: Kind::Tollgate,
            file: &envoy_config_dir().join(file),
            ports: Ports::new(),
            wrapper: &[],
            workers: 1,
            tollgate_arguments: &["--tollgate-config", &settings, "--isolation", isolation],
        });
        let requests = 5 * asked.len();
        for (name, value) in asked.repeat(5) {
            let request = Request::new(server.port(LISTENER), "GET", "/");
            assert_ne!(request.header(name, value).send().status, 0);
        }
        let process = server.process();
        let looked_at = || {
            let page = Request::new(server.port(ADMIN), "GET", "/stats").send();
            let text = page.text();
            let mut lines = text.lines();
            let found = lines.find_map(|line| line.strip_prefix("wasm.kept_state.looked_at: "));
            found.map_or(0, |count| count.parse::<usize>().expect("a number"))
        };
        let deadline = std::time::Instant::now() + LIMIT;
        while looked_at() < requests {
            assert!(
                std::time::Instant::now() < deadline,
                "{:#?}",
                process.lines()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        process.catch_up();
        let lines = process.lines();
        let warned = lines.iter().any(|line| line.contains(WARNING));
        assert!(!warned, "{file}, {isolation}: {lines:#?}");
    }
}

#[test]
fn the_hello_filter_is_not() {
    never_warned("hello.yaml", &[("x-hello", "a"), ("x-other", "b")]);
}

#[test]
fn the_api_key_filter_is_not_whose_found_keys_save_time_only() {
    let keys = ["demo-key-of-alice", "unknown", "demo-key-of-carol"];
    never_warned("api-key-auth.yaml", &keys.map(|key| ("x-api-key", key)));
}

#[test]
fn the_rate_limit_filter_is_not_whose_state_is_shared_data() {
    never_warned("local-rate-limit.yaml", &[("x-user", "a"), ("x-user", "b")]);
}
