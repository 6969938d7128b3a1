//! `Fingerprint`: what files look like from outside, and whether they are whole.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use crate::wasm::{is_whole_module, read_module};

/// What each file looks like. Links are followed, so that one which leads elsewhere now is a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(BTreeMap<PathBuf, Option<Look>>);

/// One file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    size: u64,
    changed: (i64, i64),
    identity: (u64, u64),
}

impl Fingerprint {
    /// Looks at files.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let looks = files.iter().map(|file| (file.clone(), look(file)));
        Self(looks.collect())
    }

    /// Looks at files, but for those that were looked at: they are as they were then.
    pub(super) fn of_new(files: &[PathBuf], known: &Self) -> Self {
        let looks = files.iter().map(|file| {
            let known = known.0.get(file).copied();
            (file.clone(), known.unwrap_or_else(|| look(file)))
        });
        Self(looks.collect())
    }

    /// Returns whether no file is missing, empty or a part of a module. Whoever writes a file in
    /// place may pause for as long as it likes.
    pub(super) fn is_whole(&self) -> bool {
        let mut looks = self.0.iter();
        looks.all(|(file, look)| look.is_some_and(|look| look.size > 0) && is_whole(file))
    }

    /// Returns the modules that are whole and looked otherwise before.
    pub(super) fn new_modules(&self, before: &Self) -> Vec<Bytes> {
        let looks = self.0.iter();
        let new = looks.filter(|(file, look)| look.is_some() && before.0.get(*file) != Some(*look));
        let modules = new.filter(|(file, _)| is_module(file));
        modules.filter_map(|(file, _)| whole_module(file)).collect()
    }

    /// Returns whether a file has changed after a moment.
    pub(super) fn is_newer_than(&self, moment: SystemTime) -> bool {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let moment = (seconds, i64::from(since.subsec_nanos()));
        self.0.values().flatten().any(|look| look.changed > moment)
    }
}

fn look(file: &Path) -> Option<Look> {
    let found = fs::metadata(file).ok()?;
    Some(Look {
        size: found.len(),
        // A rename changes this and leaves the time of the content alone.
        changed: (found.ctime(), found.ctime_nsec()),
        identity: (found.dev(), found.ino()),
    })
}

fn is_module(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "wasm")
}

fn is_whole(file: &Path) -> bool {
    !is_module(file) || whole_module(file).is_some()
}

fn whole_module(file: &Path) -> Option<Bytes> {
    let bytes = read_module(file).ok()?;
    is_whole_module(&bytes).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_empty_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![folder.path().join("envoy.yaml")];
        let look = || Fingerprint::of(&files).is_whole();
        assert!(!look());
        fs::write(&files[0], "").unwrap();
        assert!(!look());
        fs::write(&files[0], "a: 1").unwrap();
        assert!(look());
    }

    #[test]
    fn a_module_is_whole_with_its_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![folder.path().join("filter.wasm")];
        let bytes = wat::parse_str("(module (memory 1) (data (i32.const 0) \"abc\"))").unwrap();
        for end in 1..bytes.len() {
            fs::write(&files[0], &bytes[..end]).unwrap();
            let is_whole = Fingerprint::of(&files).is_whole();
            // What ends with a section is a module too.
            assert!(!is_whole || is_whole_module(&bytes[..end]), "{end}");
        }
        fs::write(&files[0], &bytes).unwrap();
        assert!(Fingerprint::of(&files).is_whole());
    }

    #[test]
    fn modules_are_new_that_look_otherwise_and_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a.wasm", "b.wasm", "c.yaml"].map(|name| folder.path().join(name));
        let bytes = wat::parse_str("(module (memory 1))").unwrap();
        fs::write(&files[0], &bytes).unwrap();
        let before = Fingerprint::of(&files);
        assert!(before.new_modules(&before).is_empty());
        fs::write(&files[1], &bytes[..bytes.len() - 1]).unwrap();
        fs::write(&files[2], "a: 1").unwrap();
        assert!(Fingerprint::of(&files).new_modules(&before).is_empty());
        fs::write(&files[1], &bytes).unwrap();
        let new = Fingerprint::of(&files).new_modules(&before);
        assert_eq!(new, [bytes]);
    }

    #[test]
    fn a_file_that_was_written_long_ago_and_renamed_just_now_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let hour = std::time::Duration::from_secs(3600);
        let moment = SystemTime::now() - hour;
        let file = fs::File::create(&old).unwrap();
        file.set_modified(moment - hour).unwrap();
        fs::rename(&old, &new).unwrap();
        assert!(Fingerprint::of(std::slice::from_ref(&new)).is_newer_than(moment));
        assert!(!Fingerprint::of(&[new]).is_newer_than(SystemTime::now() + hour));
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        fs::write(&first, "same").unwrap();
        fs::write(&second, "same").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&first, &link).unwrap();
        let before = Fingerprint::of(std::slice::from_ref(&link));
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&second, &link).unwrap();
        assert_ne!(Fingerprint::of(&[link]), before);
    }
}
