//! Parameters in the query of a request target.

use std::borrow::Cow;

use crate::path::without_query;
use crate::percent::decode_query;

/// Returns the decoded value of the first parameter of that name.
pub fn find<'t>(target: &'t [u8], name: &str) -> Option<Cow<'t, [u8]>> {
    let parameter = parameters(query(target)?).find(|parameter| is_named(parameter, name))?;
    let value = parameter.splitn(2, |byte| *byte == b'=').nth(1);
    Some(decode_query(value.unwrap_or_default()))
}

/// Returns the target without the parameters of that name, or nothing when it has none.
pub fn remove(target: &[u8], name: &str) -> Option<Vec<u8>> {
    let query = query(target)?;
    if !parameters(query).any(|parameter| is_named(parameter, name)) {
        return None;
    }
    let mut rest = without_query(target).to_vec();
    let mut separator = b'?';
    for parameter in parameters(query).filter(|parameter| !is_named(parameter, name)) {
        rest.push(separator);
        rest.extend_from_slice(parameter);
        separator = b'&';
    }
    Some(rest)
}

fn query(target: &[u8]) -> Option<&[u8]> {
    let path = without_query(target).len();
    let query = target.get(path..)?.strip_prefix(b"?")?;
    query.split(|byte| *byte == b'#').next()
}

fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

fn is_named(parameter: &[u8], name: &str) -> bool {
    let encoded = parameter.split(|byte| *byte == b'=').next();
    *decode_query(encoded.unwrap_or_default()) == *name.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::{find, remove};

    #[test]
    fn the_first_value_is_found_decoded() {
        assert_eq!(
            find(b"/a?x=1&k=a%2Bb&k=2", "k").as_deref(),
            Some(b"a+b".as_slice())
        );
        assert_eq!(find(b"/a?%6b=1", "k").as_deref(), Some(b"1".as_slice()));
        assert_eq!(find(b"/a?k", "k").as_deref(), Some(b"".as_slice()));
    }

    #[test]
    fn a_name_outside_the_query_is_not_found() {
        for target in ["/k=1", "/a?kk=1", "/a?x=k", "/a#?k=1", "/a?x#&k=1"] {
            assert_eq!(find(target.as_bytes(), "k"), None, "{target}");
        }
    }

    #[test]
    fn every_copy_is_removed_and_the_rest_is_untouched() {
        assert_eq!(
            remove(b"/a?k=1&x=%20&k=2&y", "k").as_deref(),
            Some(b"/a?x=%20&y".as_slice())
        );
        assert_eq!(remove(b"/a?%6B=1", "k").as_deref(), Some(b"/a".as_slice()));
        assert_eq!(remove(b"/a?x=1", "k"), None);
        assert_eq!(remove(b"/a", "k"), None);
    }
}
