//! `envoy --mode validate` and `tollgate validate` accept and refuse the same files.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be read or run fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use tollgate_integration_tests::{
    Ports, envoy_config_dir, envoy_program, fill_template, repository_root, tollgate_command,
};

/// What both programs say about a file: accepted or not.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Verdict {
    envoy: bool,
    tollgate: bool,
}

const ACCEPTED: Verdict = Verdict {
    envoy: true,
    tollgate: true,
};
const REFUSED: Verdict = Verdict {
    envoy: false,
    tollgate: false,
};
/// Valid, but what it configures Tollgate does not do, and says so.
const UNSUPPORTED: Verdict = Verdict {
    envoy: true,
    tollgate: false,
};

#[test]
fn both_accept_the_files_that_configuration_tests_call_ok() {
    check("ok", ACCEPTED);
}

#[test]
fn both_refuse_the_files_that_configuration_tests_call_refused() {
    check("refused", REFUSED);
}

#[test]
fn only_envoy_accepts_the_files_that_configuration_tests_call_unsupported() {
    check("unsupported", UNSUPPORTED);
}

#[test]
fn both_accept_the_configurations_that_ship() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for shipped in files_in(&envoy_config_dir())
        .into_iter()
        .chain(files_in(&envoy_config_dir().join("conformance")))
    {
        let text = fs::read_to_string(&shipped).expect("a readable file");
        let (filled, _) = fill_template(&text, &Ports::new());
        let file = folder
            .path()
            .join(shipped.file_name().expect("a file has a name"));
        fs::write(&file, filled).expect("the temporary folder takes files");
        files.push(file);
    }
    expect(&files, &repository_root(), ACCEPTED);
}

fn check(folder: &str, expected: Verdict) {
    // The files name others as the tests of their crate see them.
    let package = repository_root().join("host/config");
    expect(
        &files_in(&package.join("tests/files").join(folder)),
        &package,
        expected,
    );
}

fn expect(files: &[PathBuf], working_dir: &Path, expected: Verdict) {
    assert!(!files.is_empty(), "no files");
    let wrong: Vec<_> = thread::scope(|scope| {
        let halves = files.chunks(files.len().div_ceil(2));
        let running: Vec<_> = halves
            .map(|half| scope.spawn(|| differing(half, working_dir, expected)))
            .collect();
        running
            .into_iter()
            .flat_map(|half| half.join().expect("no panic"))
            .collect()
    });
    assert!(
        wrong.is_empty(),
        "expected {expected:?}\n{}",
        wrong.join("\n")
    );
}

fn differing(files: &[PathBuf], working_dir: &Path, expected: Verdict) -> Vec<String> {
    files
        .iter()
        .filter_map(|file| {
            let verdict = judge(file, working_dir);
            (verdict != expected).then(|| format!("{}: {verdict:?}", file.display()))
        })
        .collect()
}

fn judge(file: &Path, working_dir: &Path) -> Verdict {
    let mut envoy = Command::new(envoy_program());
    envoy
        .args([
            "--mode",
            "validate",
            "--disable-hot-restart",
            "--config-path",
        ])
        .arg(file);
    let mut tollgate = tollgate_command();
    tollgate.arg("validate").arg(file);
    Verdict {
        envoy: succeeds(envoy, working_dir),
        tollgate: succeeds(tollgate, working_dir),
    }
}

fn succeeds(mut command: Command, working_dir: &Path) -> bool {
    let status = command
        .current_dir(working_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the program can be run");
    // A program that a signal ended has not judged.
    let code = status.code().expect("the program ends by itself");
    assert!(code == 0 || code == 1, "{command:?} ended with {code}");
    code == 0
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "yaml" || kind == "json")
        })
        .collect();
    files.sort();
    files
}
