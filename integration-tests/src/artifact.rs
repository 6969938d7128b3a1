//! What the tests need built: the `tollgate` program and the wasm modules.
//!
//! Cargo builds both, in the target directory of the running test, where most is built already.
//! Cargo's own lock on a build directory makes parallel test processes wait for each other.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::foreign;

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";
const WASM_PROFILE: &str = "wasm";

/// The repository that this package is part of.
#[must_use]
pub fn repository_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package lies in the repository")
        .to_path_buf()
}

/// Where the configurations lie that both proxies read.
#[must_use]
pub fn envoy_config_dir() -> PathBuf {
    repository_root().join("envoy-config")
}

/// Where cargo put the running program: tests lie in `deps` below the folder of their profile.
fn profile_dir() -> PathBuf {
    let program = env::current_exe().expect("the running program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") {
        folder.parent()
    } else {
        Some(folder)
    };
    profile
        .expect("cargo's folders lie in a target directory")
        .to_path_buf()
}

/// The target directory of the running program.
pub(crate) fn target_dir() -> PathBuf {
    profile_dir()
        .parent()
        .expect("a profile's folder lies in a target directory")
        .to_path_buf()
}

/// The `tollgate` program: `TOLLGATE_BIN`, or built in the profile of the running test.
pub fn tollgate_program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        env::var_os("TOLLGATE_BIN").map_or_else(build_tollgate, |path| PathBuf::from(&path))
    });
    &PROGRAM
}

/// A run of the `tollgate` program. What it keeps of compiled modules lies in the target directory.
#[must_use]
pub fn tollgate_command() -> Command {
    let mut command = Command::new(tollgate_program());
    command.env(CACHE_VARIABLE, cache_dir());
    command
}

/// Where the programs of tests look for the folder of what they keep.
pub(crate) const CACHE_VARIABLE: &str = "XDG_CACHE_HOME";

/// The folder of what the programs of tests keep.
pub(crate) fn cache_dir() -> PathBuf {
    target_dir().join("cache")
}

fn build_tollgate() -> PathBuf {
    let folder = profile_dir();
    let name = folder
        .file_name()
        .expect("a profile's folder has a name")
        .to_string_lossy();
    let profile = if name == "debug" { "dev" } else { &name };
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        "tollgate-cli",
        "--profile",
        profile,
    ]);
    build.arg("--target-dir").arg(target_dir());
    run(&mut build);
    folder.join("tollgate")
}

/// A module of this repository, by its path below the folder of modules and without `.wasm`: that
/// of a package, such as `api_key_auth`, an example of the SDK, such as `examples/hello`, or a guest
/// that is not in Rust, such as `c/worker`.
#[must_use]
pub fn wasm_module(name: &str) -> PathBuf {
    built(name, WASM_PROFILE, |path| {
        if !foreign::build(name, path) {
            build_package(name, WASM_PROFILE);
        }
    })
}

/// A module of a package as its author debugs it: with names and DWARF.
#[must_use]
pub fn debug_wasm_module(name: &str) -> PathBuf {
    built(name, "debug", |_| build_package(name, "dev"))
}

/// Builds a module unless this process has built it already.
fn built(name: &str, folder: &str, build: impl FnOnce(&Path)) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let path = module_dir(folder).join(format!("{name}.wasm"));
    let mut built = BUILT.lock();
    if !built.contains(&path) {
        build(&path);
        built.insert(path.clone());
    }
    path
}

fn build_package(name: &str, profile: &str) {
    ensure_wasm_target();
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--profile",
        profile,
        "--target",
        WASM_TARGET,
    ]);
    build.arg("--target-dir").arg(wasm_target_dir());
    match name.strip_prefix("examples/") {
        Some(example) => build.args(["--package", package_of(example), "--example", example]),
        None => build.args(["--package", &name.replace('_', "-")]),
    };
    run(&mut build);
}

/// The package that has an example.
fn package_of(example: &str) -> &'static str {
    let folder = repository_root().join("integration-tests/guests/compare/examples");
    if folder.join(example).with_extension("rs").is_file() {
        "guest-compare"
    } else {
        "tollgate"
    }
}

/// The folder that the modules of a profile are built into.
fn module_dir(profile: &str) -> PathBuf {
    wasm_target_dir().join(WASM_TARGET).join(profile)
}

/// A target directory apart, because the program's build script fills it while cargo holds the
/// lock of the usual one.
fn wasm_target_dir() -> PathBuf {
    target_dir().join("wasm")
}

pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(repository_root());
    for inherited in [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        command.env_remove(inherited);
    }
    command
}

pub(crate) fn ensure_wasm_target() {
    let output = Command::new("rustc")
        .current_dir(repository_root())
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .output()
        .expect("rustc can be run");
    let libdir = String::from_utf8_lossy(&output.stdout);
    if Path::new(libdir.trim()).is_dir() {
        return;
    }
    let added = Command::new("rustup")
        .current_dir(repository_root())
        .args(["target", "add", WASM_TARGET])
        .status();
    assert!(
        added.is_ok_and(|status| status.success()),
        "the target {WASM_TARGET} is missing; add it with `rustup target add {WASM_TARGET}`"
    );
}

pub(crate) fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{text}{errors}",
        output.status
    );
}
