//! A file's text, as far as there is any.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Far above any real configuration; a device or a wrong file is not read until memory ends.
const MAX_SIZE: u64 = 64 << 20;

/// Which file was read: one that is written or renamed into place is another one, also with the
/// same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    changed: (i64, i64),
    identity: (u64, u64),
}

/// Reads a file; the error says what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    read_stamped(path).map(|(text, _)| text)
}

/// Reads a file and says which one it was.
pub(crate) fn read_stamped(path: &Path) -> Result<(String, FileStamp), String> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| {
        let stamp = FileStamp::of(&file.metadata()?);
        file.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        Ok(stamp)
    });
    let stamp = opened.map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(format!("too large: more than {} MiB", MAX_SIZE >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("not a text file (byte {at} is not UTF-8); wanted is Envoy configuration as YAML or JSON")
    })?;
    Ok((text, stamp))
}

impl FileStamp {
    fn of(file: &Metadata) -> Self {
        Self {
            // A rename changes this and leaves the time of the content alone.
            changed: (file.ctime(), file.ctime_nsec()),
            identity: (file.dev(), file.ino()),
        }
    }
}

fn reason(error: &io::Error) -> String {
    if error.kind() == ErrorKind::IsADirectory {
        return "it is a directory; name the files in it".to_owned();
    }
    error.to_string()
}
