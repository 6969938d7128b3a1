//! The program as an operator meets it: how it starts, refuses, and ends.
#![expect(
    clippy::expect_used,
    reason = "what cannot be read or run fails the test"
)]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;
use tollgate_integration_tests::client::{Body, Gate, Version};
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::{
    Kind, Ports, Proxy, envoy_config_dir, fill_template, free_port, kill_signal, repository_root,
    tollgate_command,
};

const LISTENER: u16 = 10_000;
const ADMIN: u16 = 9901;

fn tollgate(arguments: &[&str]) -> Output {
    tollgate_command()
        .args(arguments)
        .current_dir(repository_root())
        .output()
        .expect("tollgate can be run")
}

/// Writes a shipped configuration with free ports into a folder.
fn filled(folder: &TempDir, name: &str, ports: &Ports) -> PathBuf {
    let text = fs::read_to_string(envoy_config_dir().join(name)).expect("a shipped file");
    let file = folder.path().join(name);
    fs::write(&file, fill_template(&text, ports).0).expect("the temporary folder takes files");
    file
}

/// Asserts that a run failed with one line on standard error that has all these words.
#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| code != 0),
        "exit code {code:?}: {text}"
    );
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_missing_file_is_named() {
    refused(
        &tollgate(&["run", "no-such-file.yaml"]),
        &["no-such-file.yaml"],
    );
    refused(
        &tollgate(&["validate", "no-such-file.yaml"]),
        &["no-such-file.yaml"],
    );
}

#[test]
fn an_unknown_flag_is_named() {
    refused(&tollgate(&["run", "--no-such-flag"]), &["--no-such-flag"]);
}

#[test]
fn a_port_in_use_is_named_and_nothing_serves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let ports = Ports::from([(LISTENER, port)]);
    let file = filled(&folder, "pass-through.yaml", &ports);
    let output = tollgate(&["run", &file.display().to_string()]);
    refused(&output, &[&port.to_string()]);
}

#[test]
fn a_module_that_is_none_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = filled(&folder, "hello.yaml", &Ports::new());
    let module = folder.path().join("broken.wasm");
    fs::write(&module, b"this is no module").expect("the temporary folder takes files");
    let text = fs::read_to_string(&file).expect("a file");
    let (before, rest) = text
        .split_once("filename: ")
        .expect("the file names a module");
    let (_, after) = rest.split_once(".wasm").expect("the file names a module");
    let broken = format!("{before}filename: {}{after}", module.display());
    fs::write(&file, broken).expect("the temporary folder takes files");
    let path = file.display().to_string();
    refused(&tollgate(&["run", &path]), &["hello"]);
    refused(&tollgate(&["validate", &path]), &["hello"]);
}

#[test]
fn a_filter_that_refuses_its_configuration_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = filled(&folder, "api-key-auth.yaml", &Ports::new());
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(
        &file,
        text.replace("\"consumer_header\"", "\"consumer_haeder\""),
    )
    .expect("a file");
    refused(
        &tollgate(&["validate", &file.display().to_string()]),
        &["consumer_haeder"],
    );
}

#[test]
fn a_signal_lets_running_requests_end() {
    let mut proxy = Proxy::start(
        Kind::Tollgate,
        &envoy_config_dir().join("pass-through.yaml"),
    );
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
        .expect("an answer");
    let (open, _) = open.wait_for_bytes(5);
    let idle = proxy.connect(LISTENER, Version::Http1);
    kill_signal(proxy.server_mut().process().pid(), "TERM");
    gate.open();
    assert_eq!(open.finish().text(), "begun and ended");
    drop(idle);
    let status = proxy
        .server_mut()
        .process_mut()
        .wait(Duration::from_secs(10));
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}

#[test]
fn the_admin_interface_answers_as_envoys_does() {
    let proxy = Proxy::start(
        Kind::Tollgate,
        &envoy_config_dir().join("pass-through.yaml"),
    );
    assert_eq!(proxy.get(LISTENER, "/").send().status, 200);
    assert_eq!(proxy.admin("/ready").trim(), "LIVE");
    assert!(
        proxy
            .admin("/stats")
            .contains("http.ingress.downstream_rq_total: 1")
    );
    assert!(
        proxy
            .admin("/stats/prometheus")
            .contains("envoy_http_downstream_rq_total")
    );
    assert!(proxy.admin("/listeners").contains("ingress::127.0.0.1:"));
    assert!(proxy.admin("/clusters").contains("origin::127.0.0.1:"));
    assert!(proxy.admin("/server_info").contains("\"state\": \"LIVE\""));
    assert!(proxy.admin("/config_dump").contains("static_listeners"));
    assert_eq!(proxy.get(ADMIN, "/no-such-page").send().status, 404);
}

#[test]
fn a_flag_chooses_the_address_of_the_admin_interface() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = filled(&folder, "pass-through.yaml", &Ports::new());
    let output = tollgate(&[
        "run",
        &file.display().to_string(),
        "--admin-address",
        "nowhere",
    ]);
    refused(&output, &["nowhere"]);
    let taken = TcpListener::bind(("127.0.0.1", free_port())).expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = tollgate(&[
        "run",
        &file.display().to_string(),
        "--admin-address",
        &address,
    ]);
    refused(&output, &[&address]);
}
