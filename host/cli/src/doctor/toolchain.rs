//! What building filters takes.

use std::path::Path;
use std::process::Command;

use super::{Check, Verdict};

/// The targets that filters are built for, with what adds them.
const TARGETS: [(&str, &str); 2] = [
    (
        "wasm32-unknown-unknown",
        "only to build filters: `rustup target add wasm32-unknown-unknown`",
    ),
    (
        "wasm32-wasip1",
        "only to build filters that use WASI: `rustup target add wasm32-wasip1`",
    ),
];

pub(super) fn checks() -> Vec<Check> {
    let Some(version) = answer("rustc", &["--version"]) else {
        return vec![Check::new(
            "Rust",
            Verdict::Absent("only to build filters: install it from https://rustup.rs"),
            "no rustc on PATH",
        )];
    };
    let mut checks = vec![Check::ok("Rust", version)];
    for (target, advice) in TARGETS {
        let folder = answer("rustc", &["--print", "target-libdir", "--target", target]);
        let is_there = folder.is_some_and(|folder| Path::new(&folder).is_dir());
        checks.push(if is_there {
            Check::ok("target", target)
        } else {
            Check::new("target", Verdict::Absent(advice), target)
        });
    }
    checks
}

/// Returns what a program prints, if it can be run and is content.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
