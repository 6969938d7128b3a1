//! The command line.

use std::net::TcpListener;

use crate::support::Folder;

#[test]
fn help_goes_to_standard_output_and_names_every_command() {
    let ended = Folder::new().run(&["--help"]);
    ended.went_well();
    for word in [
        "run",
        "validate",
        "inspect",
        "new",
        "dev",
        "replay",
        "doctor",
        "demo",
        "--log-level",
    ] {
        assert!(
            ended.out.contains(word),
            "{word} is missing in {}",
            ended.out
        );
    }
    assert_eq!(ended.err, "");
}

#[test]
fn every_command_has_help() {
    for command in [
        "run", "validate", "inspect", "new", "dev", "replay", "doctor", "demo",
    ] {
        let ended = Folder::new().run(&[command, "--help"]);
        ended.went_well();
        assert!(
            ended.out.contains(&format!("tollgate {command}")),
            "{}",
            ended.out
        );
    }
}

#[test]
fn the_version_is_one_line() {
    let ended = Folder::new().run(&["--version"]);
    ended.went_well();
    assert_eq!(
        ended.out,
        format!("tollgate {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn an_unknown_command_is_named() {
    Folder::new()
        .run(&["validat"])
        .misused(&["'validat'", "'validate'", "--help"]);
}

#[test]
fn an_unknown_flag_is_named_with_the_usage() {
    let words = ["'--no-such-flag'", "Usage: tollgate run", "--help"];
    Folder::new()
        .run(&["run", "--no-such-flag"])
        .misused(&words);
}

#[test]
fn a_misspelt_flag_is_answered_with_the_right_one() {
    let folder = Folder::new();
    let ended = folder.run(&["run", "--concurency", "2", "envoy.yaml"]);
    ended.misused(&["'--concurency'", "'--concurrency'"]);
}

#[test]
fn a_command_without_its_file_says_what_it_wants() {
    let folder = Folder::new();
    folder
        .run(&["run"])
        .misused(&["<FILE>...", "Usage: tollgate run"]);
    folder.run(&["validate"]).misused(&["<FILE>..."]);
    folder.run(&["inspect"]).misused(&["<MODULE.wasm>"]);
    folder.run(&["new"]).misused(&["<NAME>", "--kind"]);
}

#[test]
fn a_wrong_value_is_named_with_its_flag_and_what_it_can_be() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| folder.run(&[&["run", "envoy.yaml"], arguments].concat());
    run(&["--concurrency", "0"]).misused(&["'0'", "--concurrency", "1..=1024"]);
    run(&["--concurrency", "many"]).misused(&["'many'", "--concurrency"]);
    run(&["--admin-address", "9901"]).misused(&["'9901'", "--admin-address", "127.0.0.1:9901"]);
    folder
        .run(&["demo", "--port", "65536"])
        .misused(&["'65536'", "--port", "65535"]);
    folder.run(&["new", "a", "--kind", "soap"]).misused(&[
        "'soap'",
        "--kind",
        "auth, rate-limit, body, tcp, grpc",
    ]);
}

#[test]
fn a_wrong_log_level_is_named_with_the_right_ones() {
    let folder = Folder::new();
    for level in ["loud", "info,wasm=loud", "wasm=", ""] {
        let ended = folder.run(&["--log-level", level, "validate", "envoy.yaml"]);
        ended.misused(&["--log-level", "trace, debug, info, warn, error and off"]);
    }
}

#[test]
fn without_a_command_the_demo_starts() {
    // The demo's port is taken, by this test or by somebody before it: only the demo says so.
    let taken = TcpListener::bind("127.0.0.1:10000");
    let ended = Folder::new().run(&[]);
    ended.refused(&[&["port 10000", "in use", "tollgate demo --port"]]);
    drop(taken);
}
