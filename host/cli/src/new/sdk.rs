//! `Sdk`: the sources that a project depends on.
//!
//! The SDK is not published. A project is pinned to sources on this machine instead: those that
//! were named, or those that this program was built from.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository that this program was built from, if it is still there.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A source tree with the SDK in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sdk {
    root: String,
    /// The versions of other crates that the SDK is tested with.
    lock: String,
}

impl Sdk {
    /// Takes the tree that was named, or else the one this program was built from.
    ///
    /// # Errors
    ///
    /// When there is no SDK, or of another version than this program.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, String> {
        let way_out = "; name Tollgate's source tree with `--sdk PATH`";
        let (root, way_out) = match named {
            Some(root) => (root, ""),
            None => (Path::new(BUILT_FROM), way_out),
        };
        Self::at(root).map_err(|reason| format!("{reason}{way_out}"))
    }

    fn at(root: &Path) -> Result<Self, String> {
        let shown = root.display();
        let missing = |_| format!("{shown}: no Tollgate SDK is there");
        let real: PathBuf = root.canonicalize().map_err(missing)?;
        for package in ["guest", "testing"] {
            let manifest = real.join("sdk").join(package).join("Cargo.toml");
            fs::metadata(&manifest).map_err(missing)?;
        }
        let workspace = fs::read_to_string(real.join("Cargo.toml")).map_err(missing)?;
        let version = env!("CARGO_PKG_VERSION");
        if !workspace.contains(&format!("\nversion = \"{version}\"")) {
            return Err(format!(
                "{shown}: the SDK there is not of version {version}, as this program is"
            ));
        }
        let lock = fs::read_to_string(real.join("Cargo.lock")).map_err(missing)?;
        let root = real.into_os_string().into_string();
        let root = root.map_err(|_| format!("{shown}: the path is not UTF-8, as Cargo.toml is"))?;
        Ok(Self { root, lock })
    }

    /// Returns the tree's absolute path.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Returns a package's path as a string of TOML, whose escapes are those of JSON.
    pub(crate) fn package(&self, name: &str) -> String {
        serde_json::Value::from(format!("{}/sdk/{name}", self.root)).to_string()
    }

    pub(crate) fn lock(&self) -> &str {
        &self.lock
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Sdk;

    #[test]
    fn the_tree_that_the_program_was_built_from_has_the_sdk() {
        let sdk = Sdk::find(None).unwrap();
        assert!(Path::new(sdk.root()).is_absolute());
        assert!(sdk.package("guest").ends_with("/sdk/guest\""));
    }

    #[test]
    fn a_folder_without_sdk_is_named() {
        let reason = Sdk::find(Some(Path::new("/no/such/folder"))).unwrap_err();
        assert_eq!(reason, "/no/such/folder: no Tollgate SDK is there");
    }
}
