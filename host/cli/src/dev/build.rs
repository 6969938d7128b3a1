//! Building the crate by cargo, which prints the compiler's errors itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::project::{Project, TARGET};

/// Between cargo's profiles: quick to build, quick to load, and a fault has its line. These are changes
/// to `dev` and no profile of its own, which would build the macros of `cargo test` a second time.
const PROFILE_SETTINGS: [&str; 3] = [
    "opt-level = 1",
    "debug = \"line-tables-only\"",
    "panic = \"abort\"",
];

/// A module, just built.
#[derive(Clone, Debug)]
pub(super) struct Artifact {
    pub(super) path: PathBuf,
    /// In bytes.
    pub(super) size: u64,
    /// The sources that the compiler read.
    pub(super) inputs: Vec<PathBuf>,
    pub(super) took: Duration,
    /// When the compiler was done.
    pub(super) done: Instant,
}

/// Builds the project; `None` when cargo has said why it cannot. Dropping the future ends cargo.
///
/// # Errors
///
/// When cargo cannot be run, or the target cannot be added.
pub(super) async fn build(project: &Project) -> Result<Option<Artifact>, String> {
    ensure_target(project.folder()).await?;
    let started = Instant::now();
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(project.folder())
        .args([
            "build",
            "--lib",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["--target", TARGET, "--package", &project.name]);
    for setting in PROFILE_SETTINGS {
        cargo.arg("--config").arg(format!("profile.dev.{setting}"));
    }
    let mut child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cargo: {error}"))?;
    let mut module = None;
    if let Some(messages) = child.stdout.take() {
        let mut lines = BufReader::new(messages).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            module = module_of(&line, &project.manifest).or(module);
        }
    }
    let status = child
        .wait()
        .await
        .map_err(|error| format!("cargo: {error}"))?;
    let done = Instant::now();
    if !status.success() {
        return Ok(None);
    }
    let path = module.ok_or("cargo made no module")?;
    let file = tokio::fs::metadata(&path).await;
    let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(Artifact {
        size: file.len(),
        inputs: inputs(&path).await,
        path,
        took: done - started,
        done,
    }))
}

/// The module that a message of cargo's is about.
fn module_of(message: &str, manifest: &Path) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_ours = message.get("reason")?.as_str()? == "compiler-artifact"
        && Path::new(message.get("manifest_path")?.as_str()?) == manifest;
    if !is_ours {
        return None;
    }
    let files = message.get("filenames")?.as_array()?.iter();
    let mut files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.extension().is_some_and(|kind| kind == "wasm"))
}

/// Reads what the compiler has read from the file beside the module: `module: source source …`.
async fn inputs(module: &Path) -> Vec<PathBuf> {
    let text = tokio::fs::read_to_string(module.with_extension("d")).await;
    let text = text.unwrap_or_default();
    let Some((_, sources)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    // A space within a path is written with a backslash.
    let sources = sources.replace("\\ ", "\0");
    sources
        .split_whitespace()
        .map(|source| PathBuf::from(source.replace('\0', " ")))
        .collect()
}

/// Adds the wasm target when the project's toolchain lacks it and rustup is there to do it.
async fn ensure_target(folder: &Path) -> Result<(), String> {
    let output = Command::new("rustc")
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .await
        .map_err(|error| format!("rustc: {error}; get it from https://rustup.rs"))?;
    let libdir = String::from_utf8_lossy(&output.stdout);
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup")
        .current_dir(folder)
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!(
            "the target {TARGET} is missing; add it with `rustup target add {TARGET}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::module_of;

    fn message(reason: &str, manifest: &str) -> String {
        let files = "[\"/t/libx.rlib\", \"/t/x.wasm\"]";
        format!(
            "{{\"reason\": \"{reason}\", \"manifest_path\": \"{manifest}\", \"filenames\": {files}}}"
        )
    }

    #[test]
    fn the_module_of_the_project_is_found_among_cargos_messages() {
        let module = |line: &str| module_of(line, Path::new("/p/Cargo.toml"));
        let found = module(&message("compiler-artifact", "/p/Cargo.toml"));
        assert_eq!(found, Some(PathBuf::from("/t/x.wasm")));
        assert_eq!(
            module(&message("compiler-artifact", "/other/Cargo.toml")),
            None
        );
        assert_eq!(module(&message("compiler-message", "/p/Cargo.toml")), None);
        assert_eq!(module("{}"), None);
        assert_eq!(module("no JSON"), None);
    }
}
