//! Cookies of a request (RFC 6265, 4.2).

/// What a `cookie` header is once a cookie has been taken out.
#[derive(Debug, PartialEq, Eq)]
pub enum Removal {
    /// It had no such cookie.
    Unchanged,
    /// The other cookies.
    Rest(Vec<u8>),
    /// There was no other cookie: the header goes.
    Nothing,
}

/// Returns the value of the first cookie of that name, without the quotes around it.
pub fn find<'h>(header: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let value = pairs(header).find_map(|pair| value_of(pair, name))?;
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

/// Takes all cookies of that name out.
pub fn remove(header: &[u8], name: &str) -> Removal {
    if !pairs(header).any(|pair| value_of(pair, name).is_some()) {
        return Removal::Unchanged;
    }
    let mut rest = Vec::with_capacity(header.len());
    for pair in pairs(header) {
        if pair.is_empty() || value_of(pair, name).is_some() {
            continue;
        }
        if !rest.is_empty() {
            rest.extend_from_slice(b"; ");
        }
        rest.extend_from_slice(pair);
    }
    if rest.is_empty() {
        Removal::Nothing
    } else {
        Removal::Rest(rest)
    }
}

fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn value_of<'h>(pair: &'h [u8], name: &str) -> Option<&'h [u8]> {
    let after = pair.strip_prefix(name.as_bytes())?.trim_ascii_start();
    Some(after.strip_prefix(b"=")?.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::{Removal, find, remove};

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = b"akey=0; key=1; key=2";
        assert_eq!(find(header, "key"), Some(b"1".as_slice()));
        assert_eq!(find(header, "ke"), None);
        assert_eq!(find(b"key=\"q\"", "key"), Some(b"q".as_slice()));
        assert_eq!(find(b"", "key"), None);
    }

    #[test]
    fn removing_a_cookie_keeps_the_others() {
        let rest = remove(b"a=1; key=2;b=3; key=4", "key");
        assert_eq!(rest, Removal::Rest(b"a=1; b=3".to_vec()));
        assert_eq!(remove(b"key=1;", "key"), Removal::Nothing);
        assert_eq!(remove(b"a=key", "key"), Removal::Unchanged);
    }
}
