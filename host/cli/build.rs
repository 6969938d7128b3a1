//! Compiles the filters of the demo to wasm, so that the program carries them.
//!
//! They go to a target directory of their own: this script runs while cargo holds the lock of the
//! usual one. Tests share that directory, so each filter is compiled once.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const FILTERS: [(&str, &str); 2] = [
    ("api-key-auth", "API_KEY_AUTH_WASM"),
    ("local-rate-limit", "LOCAL_RATE_LIMIT_WASM"),
];

fn main() {
    if let Err(reason) = build_filters() {
        println!("cargo::error={reason}");
    }
}

fn build_filters() -> Result<(), String> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = manifest.join("../..");
    for watched in [
        "filters",
        "sdk/abi",
        "sdk/guest",
        "sdk/macros",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    ensure_target()?;
    let wasm_dir = target_dir()?.join("wasm");
    let mut build = Command::new(variable("CARGO")?);
    build
        .current_dir(&root)
        .args(["build", "--quiet", "--profile", "wasm", "--target", TARGET]);
    build.arg("--target-dir").arg(&wasm_dir);
    for (package, _) in FILTERS {
        build.args(["--package", package]);
    }
    // The flags and wrappers of this build are meant for the host's code.
    for inherited in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        build.env_remove(inherited);
    }
    run(&mut build)?;
    for (package, variable) in FILTERS {
        let file = format!("{}.wasm", package.replace('-', "_"));
        let path = wasm_dir.join(TARGET).join("wasm").join(file);
        println!("cargo::rustc-env={variable}={}", path.display());
    }
    Ok(())
}

/// Adds the wasm target when the toolchain lacks it and rustup is there to do it.
fn ensure_target() -> Result<(), String> {
    let rustc = variable("RUSTC")?;
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("rustc cannot be run: {error}"))?;
    let libdir = String::from_utf8_lossy(&output.stdout);
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", TARGET])).map_err(|reason| {
        format!(
            "the target {TARGET} is missing; add it with `rustup target add {TARGET}` ({reason})"
        )
    })
}

/// The target directory, which cargo does not tell a build script: the nearest one with a file of
/// cargo's. The tag is missing where the directory was there before cargo, as a mounted cache is.
fn target_dir() -> Result<PathBuf, String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    out.ancestors()
        .find(|folder| {
            ["CACHEDIR.TAG", ".rustc_info.json"]
                .iter()
                .any(|file| folder.join(file).is_file())
        })
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("no target directory above {}", out.display()))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    // A directive is one line; cargo shows it as the error.
    let reason = String::from_utf8_lossy(&output.stderr).replace('\n', " | ");
    Err(format!(
        "{command:?} ended with {}: {reason}",
        output.status
    ))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
