//! `Project`: the crate that `dev` builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::CommandError;

/// The target that filters are built for.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// A package whose library is a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) manifest: PathBuf,
}

impl Project {
    /// Finds the package of a folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it makes no module.
    pub(super) fn find(folder: &Path) -> Result<Self, CommandError> {
        let shown = folder.display();
        let manifest = folder.join("Cargo.toml").canonicalize();
        let manifest = manifest.map_err(|_| format!("{shown}: no Cargo.toml is there"))?;
        let metadata = metadata(&manifest)?;
        let packages = metadata.get("packages").and_then(Value::as_array);
        let packages = packages.map(Vec::as_slice).unwrap_or_default();
        let package = packages.iter().find(|package| {
            text(package, "manifest_path").is_some_and(|path| Path::new(path) == manifest)
        });
        let Some(package) = package else {
            return Err(virtual_manifest(&manifest, packages).into());
        };
        let name = text(package, "name").unwrap_or_default().to_owned();
        if !makes_module(package) {
            let way_out = "crate-type = [\"cdylib\", \"rlib\"]";
            let reason =
                format!("{shown}: `{name}` makes no module; write `{way_out}` below `[lib]`");
            return Err(reason.into());
        }
        Ok(Self { name, manifest })
    }

    /// Returns the crate's folder.
    pub(super) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }
}

fn metadata(manifest: &Path) -> Result<Value, CommandError> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(|error| format!("cargo: {error}; get it from https://rustup.rs"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(CommandError::from(reason).about(manifest.display()));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}").into())
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// Whether a package's library is a dynamic one, which for wasm is a module.
fn makes_module(package: &Value) -> bool {
    let targets = package.get("targets").and_then(Value::as_array);
    let mut kinds = targets
        .into_iter()
        .flatten()
        .filter_map(|target| target.get("crate_types")?.as_array())
        .flatten();
    kinds.any(|kind| kind == "cdylib")
}

/// Says which folders of a workspace may be meant.
fn virtual_manifest(manifest: &Path, packages: &[Value]) -> String {
    let filters = packages.iter().filter(|package| makes_module(package));
    let folders: Vec<_> = filters
        .filter_map(|package| text(package, "manifest_path")?.strip_suffix("/Cargo.toml"))
        .collect();
    let shown = manifest.display();
    format!(
        "{shown} is a workspace; name the folder of one filter: {}",
        folders.join(", ")
    )
}
