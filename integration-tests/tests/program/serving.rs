//! What the program says and does while it serves.

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::{free_port, wasm_module};

use crate::support::{Configuration, Folder};

#[test]
fn a_run_logs_its_version_and_what_it_serves() {
    let folder = Folder::new();
    let (port, admin) = (free_port(), free_port());
    let file = folder.write(
        "envoy.yaml",
        Configuration::new(port, 1).admin(admin).text(),
    );
    let process = folder.start(&["run", &file, "--concurrency", "2"], "serving");
    let lines = process.lines();
    for words in [
        [
            "tollgate",
            &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
        ],
        ["name=ingress", &format!("address=127.0.0.1:{port}")],
        ["admin", &format!("address=127.0.0.1:{admin}")],
        ["serving", "workers=2"],
    ] {
        let is_wanted = |line: &&String| {
            line.contains(" INFO ") && words.iter().all(|word| line.contains(word))
        };
        assert_eq!(
            lines.iter().filter(is_wanted).count(),
            1,
            "{words:?}: {lines:#?}"
        );
    }
}

#[test]
fn two_files_are_served_by_one_program() {
    let folder = Folder::new();
    let (first, second) = (free_port(), free_port());
    let one = folder.write("first.yaml", Configuration::new(first, 1).text());
    let two = folder.write("second.yaml", Configuration::new(second, 1).text());
    let _process = folder.start(&["run", &one, &two], "serving");
    for port in [first, second] {
        assert_eq!(Request::new(port, "GET", "/fixed").send().text(), "fixed");
    }
}

#[test]
fn the_log_level_silences_what_is_less_severe() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", Configuration::new(free_port(), 1).text());
    let ended = folder.run(&["--log-level", "off", "validate", &file]);
    ended.went_well();
    assert_eq!(ended.err, "");
    let module = wasm_module("api_key_auth").display().to_string();
    let text = Configuration::new(free_port(), 1)
        .plugin(&module, "{}")
        .text();
    let file = folder.write("envoy.yaml", text);
    let ended = folder.run(&["--log-level", "info,wasm=off", "validate", &file]);
    assert!(!ended.err.contains("wasm log"), "{}", ended.err);
}

#[test]
fn a_guests_line_has_its_level_and_prefix() {
    let folder = Folder::new();
    let module = wasm_module("api_key_auth").display().to_string();
    let text = Configuration::new(free_port(), 1)
        .plugin(&module, "[]")
        .text();
    let file = folder.write("envoy.yaml", text);
    let ended = folder.run(&["validate", &file]);
    let lines = ended.log_lines();
    let is_wanted = |line: &&&str| line.contains(" ERROR wasm: wasm log root vm: ");
    assert_eq!(lines.iter().filter(is_wanted).count(), 1, "{}", ended.err);
}

#[test]
fn an_unreachable_upstream_is_answered_as_envoy_does_and_the_program_goes_on() {
    let folder = Folder::new();
    let port = free_port();
    let file = folder.write("envoy.yaml", Configuration::new(port, free_port()).text());
    let mut process = folder.start(&["run", &file], "serving");
    for _ in 0..3 {
        let response = Request::new(port, "GET", "/").send();
        assert_eq!(response.status, 503);
        assert_eq!(
            response.text(),
            "upstream connect error or disconnect/reset before headers. reset reason: remote \
             connection failure"
        );
    }
    assert_eq!(Request::new(port, "GET", "/fixed").send().text(), "fixed");
    assert!(process.ended().is_none());
}
