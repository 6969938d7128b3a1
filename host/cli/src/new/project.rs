//! Writing a project: all of it into a folder that was not there, or nothing.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::template::File;

/// Makes the folder and writes the files.
///
/// # Errors
///
/// When the folder exists or cannot be written; what has been written is removed again.
pub(crate) fn write(folder: &Path, files: &[File]) -> Result<(), String> {
    let shown = folder.display();
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            format!("{shown} is there already; choose another folder with `--dir DIR`")
        }
        _ => format!("{shown}: {error}"),
    })?;
    for (name, text) in files {
        if let Err(error) = write_file(&folder.join(name), text) {
            // The folder is this function's own.
            drop(fs::remove_dir_all(folder));
            return Err(format!("{shown}/{name}: {error}"));
        }
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
