//! A module's file, as far as there can be a module in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The most that Istio loads as well; a device or a wrong file is not read until memory ends.
const MAX_SIZE: u64 = 256 << 20;

/// Reads a module's file.
///
/// # Errors
///
/// When it cannot be read, or is larger than 256 MiB.
pub fn read_module(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        let reason = format!("too large for a module: more than {} MiB", MAX_SIZE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// Returns whether these bytes can be all of a module: magic, version, and sections that end where
/// the bytes do. Text is looked at elsewhere.
pub(crate) fn is_whole_module(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(b"\0asm\x01\0\0\0") else {
        return !b"\0asm\x01\0\0\0".starts_with(bytes);
    };
    while let Some((_id, after)) = rest.split_first() {
        let section = section_size(after).and_then(|(size, content)| content.get(size..));
        let Some(next) = section else {
            return false;
        };
        rest = next;
    }
    true
}

/// Reads a section's size (LEB128); returns it with what follows.
fn section_size(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut size: u64 = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        size |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(size).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::read_module;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read_module(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
}
