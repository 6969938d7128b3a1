//! Crash bundles and core dumps as files: few for each kind of fault, and for their owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::group::FaultGroup;

/// Most files of one kind of one group: more of the same tell nothing new.
pub(super) const MAX_FILES: usize = 3;

/// Writes a file about a fault of a group and returns its path. It holds what clients have sent, so
/// that nobody else may read it; it has its name only when it is whole.
pub(super) fn write(
    folder: &Path,
    group: &FaultGroup,
    (extension, bytes): (&str, &[u8]),
) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let age = group.last_seen.duration_since(UNIX_EPOCH);
    let age = age.unwrap_or_default().as_millis();
    let plugin = group.latest().map_or("", |sample| &sample.fault.plugin);
    let (plugin, fingerprint) = (file_name(plugin), group.fingerprint);
    let path = folder.join(format!("{plugin}-{fingerprint}-{age}.{extension}"));
    let partial = path.with_extension("partial");
    let written = write_private(&partial, bytes);
    written.and_then(|()| fs::rename(&partial, &path))?;
    Ok(path)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// Returns a plugin's name as a part of a file's.
fn file_name(plugin: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    plugin.chars().take(64).map(legal).collect()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_plugins_name_leads_to_no_other_folder() {
        assert_eq!(file_name("../auth v2"), "___auth_v2");
        assert_eq!(file_name(&"x".repeat(500)).len(), 64);
    }
}
