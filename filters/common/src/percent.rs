//! Percent-encoding (RFC 3986, 2.1).

use std::borrow::Cow;

/// Decodes a component of a query: `%XX` and `+` for a space. A `%` without two digits stays.
pub fn decode_query(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(encoded);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = match first {
            b'+' => (b' ', tail),
            b'%' => escaped(tail).unwrap_or((b'%', tail)),
            other => (*other, tail),
        };
        decoded.push(byte);
        rest = after;
    }
    Cow::Owned(decoded)
}

/// Returns the byte that two hexadecimal digits spell, and what follows them.
pub(crate) fn escaped(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = after_percent.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    let byte = u8::try_from((high? << 4) | low?).ok()?;
    Some((byte, rest))
}

#[cfg(test)]
mod tests {
    use super::decode_query;

    #[test]
    fn escapes_and_pluses_are_decoded() {
        assert_eq!(&*decode_query(b"a%2Bb+c%20d"), b"a+b c d");
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(&*decode_query(b"100%"), b"100%");
        assert_eq!(&*decode_query(b"%2"), b"%2");
        assert_eq!(&*decode_query(b"%zz%41"), b"%zzA");
    }
}
