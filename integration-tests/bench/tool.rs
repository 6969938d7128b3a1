//! The programs that the benchmark needs beside the proxies.

use std::process::{Command, Stdio};

const TOOLS: [(&str, &str); 4] = [
    ("nginx", "nginx"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("taskset", "util-linux"),
];

/// Installs what is missing with apt, or says how.
///
/// # Panics
///
/// When a tool is missing afterwards.
pub(crate) fn require_all() {
    let missing = missing();
    if missing.is_empty() {
        return;
    }
    let command = format!("apt-get install --yes {}", missing.join(" "));
    let installed = Command::new("sh")
        .args(["-c", &command])
        .stdout(Stdio::null())
        .status();
    assert!(
        installed.is_ok_and(|status| status.success()) && self::missing().is_empty(),
        "the benchmark needs more programs: run `{command}` as root, or install them otherwise"
    );
}

fn missing() -> Vec<&'static str> {
    let is_missing = |(program, _): &&(&str, &str)| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        !found.is_ok_and(|output| output.status.success())
    };
    TOOLS
        .iter()
        .filter(is_missing)
        .map(|(_, package)| *package)
        .collect()
}
