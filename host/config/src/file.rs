//! A file's text, as far as there is any.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// Far above any real configuration; a device or a wrong file is not read until memory ends.
const MAX_SIZE: u64 = 64 << 20;

/// Reads a file; the error says what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(format!("too large: more than {} MiB", MAX_SIZE >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("not a text file (byte {at} is not UTF-8); wanted is Envoy configuration as YAML or JSON")
    })
}

fn reason(error: &io::Error) -> String {
    if error.kind() == ErrorKind::IsADirectory {
        return "it is a directory; name the files in it".to_owned();
    }
    error.to_string()
}
