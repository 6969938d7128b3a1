//! Property paths: parts separated by NUL, with an optional NUL at the end.

use alloc::vec::Vec;

/// Joins the parts of a path into the form `proxy_get_property` takes.
///
/// ```
/// assert_eq!(tollgate_abi::property::join(["request", "path"]), b"request\0path");
/// ```
pub fn join<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut path = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            path.push(0);
        }
        path.extend_from_slice(part.as_ref());
    }
    path
}

/// Splits a path into its parts. One NUL at the end is tolerated, as the C++ SDK sends it; two in
/// a row make an empty part, which is looked up literally. An empty path has no parts.
pub fn split(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = path.strip_suffix(&[0]).unwrap_or(path);
    let none = trimmed.is_empty();
    trimmed.split(|byte| *byte == 0).skip(usize::from(none))
}

#[cfg(test)]
mod tests {
    use super::{join, split};
    use alloc::vec::Vec;

    #[test]
    fn a_trailing_nul_changes_nothing() {
        let with: Vec<_> = split(b"request\0path\0").collect();
        let without: Vec<_> = split(b"request\0path").collect();
        assert_eq!(with, without);
        assert_eq!(with, [b"request".as_slice(), b"path"]);
    }

    #[test]
    fn an_empty_path_has_no_parts() {
        assert_eq!(split(b"").count(), 0);
        assert_eq!(split(b"\0").count(), 0);
    }

    #[test]
    fn two_nuls_make_an_empty_part() {
        let parts: Vec<_> = split(b"a\0\0b").collect();
        assert_eq!(parts, [b"a".as_slice(), b"", b"b"]);
        assert_eq!(join(&parts), b"a\0\0b");
    }
}
