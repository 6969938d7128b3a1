//! Parts of a request's path: as in Envoy, a query or fragment never takes part in matching.

/// Returns the path up to its query or fragment.
pub(super) fn without_query(path: &[u8]) -> &[u8] {
    split_query(path).0
}

/// Returns the path up to its query or fragment, and the rest with its `?` or `#`.
pub(super) fn split_query(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    path.split_at_checked(end.unwrap_or(path.len()))
        .unwrap_or((path, b""))
}

/// Returns the parameters of the path's query, as they are written.
pub(super) fn query_parameters(path: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let start = path.iter().position(|byte| *byte == b'?');
    let query = start.and_then(|start| path.get(start + 1..)).unwrap_or(b"");
    let end = query.iter().position(|byte| *byte == b'#');
    let query = query.get(..end.unwrap_or(query.len())).unwrap_or(query);
    query.split(|byte| *byte == b'&').map(|parameter| {
        let mut parts = parameter.splitn(2, |byte| *byte == b'=');
        (parts.next().unwrap_or(b""), parts.next().unwrap_or(b""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_at_its_query_or_fragment() {
        assert_eq!(without_query(b"/a?b=c#d"), b"/a");
        assert_eq!(without_query(b"/a#d?b"), b"/a");
        assert_eq!(without_query(b"/a"), b"/a");
    }

    #[test]
    fn parameters_are_not_decoded() {
        let parameters: Vec<_> = query_parameters(b"/a?x=b%20c&y&z==#f").collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"x", b"b%20c"), (b"y", b""), (b"z", b"=")];
        assert_eq!(parameters, expected);
    }

    #[test]
    fn a_path_without_query_has_no_named_parameter() {
        assert!(query_parameters(b"/a").all(|(name, _)| name.is_empty()));
    }
}
