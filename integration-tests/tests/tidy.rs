//! The architecture in executable form. A change to a table here is a design review.
#![expect(clippy::panic, reason = "what cannot be read or run fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tollgate_integration_tests::repository_root;

const LONGEST_FILE: usize = 500;

/// What each crate of the workspace may depend on within the workspace.
const EDGES: &[(&str, &[&str])] = &[
    ("tollgate-abi", &[]),
    ("tollgate-macros", &[]),
    ("tollgate", &["tollgate-abi", "tollgate-macros"]),
    (
        "tollgate-testing",
        &["tollgate-abi", "tollgate", "tollgate-runtime"],
    ),
    ("tollgate-runtime", &["tollgate-abi"]),
    ("tollgate-config", &[]),
    (
        "tollgate-proxy",
        &["tollgate-abi", "tollgate-runtime", "tollgate-config"],
    ),
    (
        "tollgate-cli",
        &["tollgate-runtime", "tollgate-config", "tollgate-proxy"],
    ),
    ("template-auth", &["tollgate"]),
    ("template-body", &["tollgate"]),
    ("template-grpc", &["tollgate"]),
    ("template-rate-limit", &["tollgate"]),
    ("template-tcp", &["tollgate"]),
    ("tollgate-filter-common", &["tollgate"]),
    ("api-key-auth", &["tollgate", "tollgate-filter-common"]),
    ("local-rate-limit", &["tollgate", "tollgate-filter-common"]),
    ("tollgate-examples", &["tollgate"]),
    ("guest-compare", &["tollgate"]),
    ("guest-lab", &["tollgate"]),
    ("guest-official", &[]),
    ("guest-workshop", &["tollgate"]),
    ("tollgate-integration-tests", &[]),
    ("tollgate-conformance", &["tollgate-integration-tests"]),
    (
        "tollgate-compare",
        &[
            "tollgate-integration-tests",
            "tollgate-runtime",
            "tollgate-testing",
        ],
    ),
];

/// What only tests of a crate may use in addition.
const TEST_EDGES: &[(&str, &[&str])] = &[
    ("tollgate", &["tollgate-testing"]),
    ("tollgate-testing", &[]),
    ("tollgate-examples", &["tollgate-testing"]),
    ("template-auth", &["tollgate-testing"]),
    ("template-body", &["tollgate-testing"]),
    ("template-grpc", &["tollgate-testing"]),
    ("template-rate-limit", &["tollgate-testing"]),
    ("template-tcp", &["tollgate-testing"]),
    ("tollgate-filter-common", &["tollgate-testing"]),
    ("api-key-auth", &["tollgate-testing"]),
    ("local-rate-limit", &["tollgate-testing"]),
];

/// Libraries that belong to few crates.
const OWNERS: &[(&str, &[&str])] = &[
    ("wasmtime", &["tollgate-runtime"]),
    (
        "hyper",
        &[
            "tollgate-proxy",
            "tollgate-cli",
            "tollgate-integration-tests",
        ],
    ),
    (
        "hyper-util",
        &[
            "tollgate-proxy",
            "tollgate-cli",
            "tollgate-integration-tests",
        ],
    ),
    ("h2", &["tollgate-proxy"]),
    (
        "tokio",
        &[
            "tollgate-proxy",
            "tollgate-cli",
            "tollgate-integration-tests",
        ],
    ),
    ("tokio-rustls", &["tollgate-proxy"]),
    ("prost-reflect", &["tollgate-config"]),
    ("proxy-wasm", &["guest-compare", "guest-official"]),
];

/// Text that may not stand in the sources below a folder, but for the folders named after it.
const LEAKS: &[(&str, &str, &[&str])] = &[
    ("sdk", "wasmtime::", &[]),
    ("filters", "wasmtime::", &[]),
    ("host", "wasmtime::", &["host/runtime"]),
    ("host/runtime", "tokio::", &[]),
    ("host/runtime", "hyper::", &[]),
    ("host/runtime", "std::net", &[]),
    ("host/runtime/src", "Instant::now", &[]),
    ("host/runtime/src", "SystemTime::now", &[]),
    ("host/config", "tokio::", &[]),
    ("host/config", "hyper::", &[]),
    ("host/config", "tollgate_runtime", &[]),
    ("sdk/guest", "tollgate_runtime", &[]),
    (
        "host/proxy/src",
        "tollgate_runtime",
        &["host/proxy/src/wasm"],
    ),
    ("filters", "SystemTime::now", &[]),
    ("filters", "extern \"C\"", &[]),
];

#[test]
fn files_stay_short() {
    let long: Vec<_> = sources(&repository_root())
        .into_iter()
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST_FILE} lines: {long:#?}"
    );
}

#[test]
fn crates_and_folders_say_what_they_are_for() {
    let silent: Vec<_> = sources(&repository_root())
        .into_iter()
        .filter(|file| {
            file.ends_with("lib.rs") || file.ends_with("mod.rs") || file.ends_with("main.rs")
        })
        .filter(|file| !read(file).starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "the first line is no `//!`: {silent:#?}");
}

#[test]
fn crates_depend_downwards_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(repository_root())
        .output()
        .expect("cargo can be run");
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo describes the workspace");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() >= EDGES.len(), "not every crate was seen");
    let wrong: Vec<_> = packages.iter().flat_map(wrong_edges).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layers_do_not_leak() {
    let root = repository_root();
    let mut leaks = Vec::new();
    for (folder, text, exceptions) in LEAKS {
        for file in sources(&root.join(folder)) {
            let excepted = exceptions
                .iter()
                .any(|exception| file.starts_with(root.join(exception)));
            if !excepted && read(&file).contains(text) {
                leaks.push(format!("{}: {text}", file.display()));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

fn wrong_edges(package: &Value) -> Vec<String> {
    let name = text(&package["name"]);
    let Some(allowed) = listed(EDGES, name) else {
        return vec![format!("{name} is not in the table of crates")];
    };
    let in_tests = listed(TEST_EDGES, name).unwrap_or_default();
    let mut wrong = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let on = text(&dependency["name"]);
        let is_ours = listed(EDGES, on).is_some();
        let is_allowed =
            allowed.contains(&on) || (dependency["kind"] == "dev" && in_tests.contains(&on));
        if is_ours && !is_allowed {
            wrong.push(format!("{name} may not depend on {on}"));
        }
        if listed(OWNERS, on).is_some_and(|owners| !owners.contains(&name)) {
            wrong.push(format!("{on} does not belong into {name}"));
        }
    }
    wrong
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn listed<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, list)| *list)
}

/// All Rust sources below a folder, build output left aside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
