//! Projects as `tollgate new` writes them, built in one target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::artifact::{WASM_TARGET, cargo, ensure_wasm_target, run, target_dir, tollgate_command};

/// A project of its own below the target directory.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    name: String,
}

impl Project {
    /// Has the program write a project of this kind, in place of an older one. Two tests that use
    /// one `name` at a time would be in each other's way.
    #[must_use]
    pub fn create(kind: &str, name: &str) -> Self {
        let projects = target_dir().join("projects");
        fs::create_dir_all(&projects).expect("the target directory takes folders");
        let folder = projects.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("an older project can be removed");
        }
        let mut new = tollgate_command();
        new.args(["new", name, "--kind", kind, "--dir"])
            .arg(&folder);
        run(new.stdin(Stdio::null()));
        Self {
            folder,
            name: name.to_owned(),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs cargo in it.
    pub fn cargo(&self, arguments: &[&str]) {
        ensure_wasm_target();
        let mut command = cargo();
        command.current_dir(&self.folder).args(arguments);
        run(command.env("CARGO_TARGET_DIR", Self::target_dir()));
    }

    /// Where cargo builds: the projects share what they depend on.
    #[must_use]
    pub fn target_dir() -> PathBuf {
        target_dir().join("projects/target")
    }

    /// Builds the module as it ships, and returns a copy of `envoy.yaml` that names it.
    #[must_use]
    pub fn envoy_yaml(&self) -> PathBuf {
        self.cargo(&[
            "build",
            "--quiet",
            "--profile",
            "wasm",
            "--target",
            WASM_TARGET,
        ]);
        let file = self.folder.join("envoy.yaml");
        let text = fs::read_to_string(&file).expect("a project has an envoy.yaml");
        let module = format!(
            "target/{WASM_TARGET}/wasm/{}.wasm",
            self.name.replace('-', "_")
        );
        assert!(text.contains(&module), "{module} is missing in\n{text}");
        let built = Self::target_dir().join(module.trim_start_matches("target/"));
        let copy = self.folder.join("target-envoy.yaml");
        fs::write(&copy, text.replace(&module, &built.display().to_string()))
            .expect("the project's folder takes files");
        copy
    }
}
