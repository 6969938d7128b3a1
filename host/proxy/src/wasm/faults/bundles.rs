//! Crash bundles as files: few for each kind of fault, and for their owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tollgate_runtime::CrashBundle;

/// Most bundles of one group: more of the same tell nothing new.
pub(super) const MAX_BUNDLES: usize = 3;

/// Writes a bundle and returns its path. It holds what clients have sent, so that nobody else may
/// read it; it has its name only when it is whole.
pub(super) fn write(
    folder: &Path,
    plugin: &str,
    bundle: &CrashBundle,
    now: SystemTime,
) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let age = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (plugin, fingerprint) = (file_name(plugin), bundle.fingerprint());
    let path = folder.join(format!("{plugin}-{fingerprint}-{}.crash", age.as_millis()));
    let partial = path.with_extension("partial");
    let written = write_private(&partial, &bundle.to_bytes());
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
