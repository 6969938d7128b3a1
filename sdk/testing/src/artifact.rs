//! Artifact: the module under test, a file or a package that is built first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, PoisonError};

/// What was built, by package.
type Built = HashMap<String, Result<PathBuf, String>>;

/// The target that filters are built for.
const TARGET: &str = "wasm32-unknown-unknown";

/// A `.wasm` file, or a package of the workspace by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Artifact {
    /// A file.
    File(PathBuf),
    /// A package that is built with the profile `wasm`.
    Package(String),
    /// An example of a package, built with the profile `wasm-small`.
    Example {
        /// The package.
        package: String,
        /// The example.
        example: String,
        /// Cargo features of the package that it needs.
        features: Vec<String>,
    },
}

impl Artifact {
    /// Names an example of a package.
    #[must_use]
    pub fn example(package: &str, example: &str) -> Self {
        Self::Example {
            package: package.to_owned(),
            example: example.to_owned(),
            features: Vec::new(),
        }
    }

    /// Names an example of a package that needs some of its cargo features.
    #[must_use]
    pub fn example_with(package: &str, example: &str, features: &[&str]) -> Self {
        Self::Example {
            package: package.to_owned(),
            example: example.to_owned(),
            features: features.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Returns the file, after building it if it comes from a package. In one process each package
    /// is built once.
    ///
    /// # Errors
    ///
    /// When it cannot be built; the message says what to do.
    pub fn path(&self) -> Result<PathBuf, String> {
        #[expect(clippy::disallowed_types, reason = "a poisoned cache is still a cache")]
        static BUILT: LazyLock<std::sync::Mutex<Built>> = LazyLock::new(std::sync::Mutex::default);
        if let Self::File(path) = self {
            return Ok(path.clone());
        }
        // Held while building: tests that need the same module wait for it.
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        built
            .entry(format!("{self:?}"))
            .or_insert_with(|| self.build())
            .clone()
    }

    fn build(&self) -> Result<PathBuf, String> {
        let directory = target_directory()?.join("wasm");
        let profile = match self {
            Self::Example { .. } => "wasm-small",
            Self::File(_) | Self::Package(_) => "wasm",
        };
        let mut cargo = Command::new(cargo());
        cargo
            .args([
                "build",
                "--quiet",
                "--profile",
                profile,
                "--target",
                TARGET,
                "--target-dir",
            ])
            .arg(&directory);
        let folder = directory.join(TARGET).join(profile);
        let path = match self {
            Self::File(path) => return Ok(path.clone()),
            Self::Package(package) => {
                cargo.args(["-p", package, "--lib"]);
                folder.join(format!("{}.wasm", package.replace('-', "_")))
            }
            Self::Example {
                package,
                example,
                features,
            } => {
                cargo.args(["-p", package, "--example", example]);
                cargo.arg(format!("--features={}", features.join(",")));
                folder.join("examples").join(format!("{example}.wasm"))
            }
        };
        // The outer build's settings must not reach the module's.
        for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            cargo.env_remove(variable);
        }
        let output = cargo
            .output()
            .map_err(|error| format!("cargo does not run: {error}"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.success() && path.exists() {
            Ok(path)
        } else if errors.contains("target may not be installed") {
            Err(format!(
                "the target {TARGET} is missing; add it: rustup target add {TARGET}"
            ))
        } else {
            Err(format!("{cargo:?} made no {}:\n{errors}", path.display()))
        }
    }
}

impl From<&str> for Artifact {
    fn from(name: &str) -> Self {
        let is_file = Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "wasm");
        if is_file {
            Self::File(name.into())
        } else {
            Self::Package(name.to_owned())
        }
    }
}

impl From<PathBuf> for Artifact {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Artifact {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

/// Returns the size of a module in bytes, building it if necessary.
///
/// # Errors
///
/// When it cannot be built or read.
pub fn module_size(artifact: impl Into<Artifact>) -> Result<u64, String> {
    let path = artifact.into().path()?;
    let file = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(file.len())
}

/// Asserts that a module is smaller than `limit` bytes.
///
/// # Panics
///
/// When it is not, or cannot be built.
#[track_caller]
pub fn assert_size_below(artifact: impl Into<Artifact>, limit: u64) {
    let size = module_size(artifact);
    assert!(
        matches!(&size, Ok(size) if *size < limit),
        "{size:?} is not below {limit} bytes"
    );
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The workspace's target directory, asked of cargo once a process is enough.
fn target_directory() -> Result<PathBuf, String> {
    if let Some(directory) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(directory.into());
    }
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .output()
        .map_err(|error| format!("cargo does not run: {error}"))?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let directory = metadata
        .get("target_directory")
        .and_then(serde_json::Value::as_str);
    directory
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".into())
}
