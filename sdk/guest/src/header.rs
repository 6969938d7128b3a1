//! Header values and whole header maps as the host gave them: bytes, adopted without a copy.

use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

use tollgate_abi::pairs;

/// The value of a header, a property or a body: bytes that are usually text.
///
/// ```
/// use tollgate::HeaderValue;
///
/// let value = HeaderValue::from(b"Bearer abc".to_vec());
/// assert_eq!(value.to_str(), Ok("Bearer abc"));
/// assert_eq!(value.strip_prefix_ignore_case("bearer "), Some(b"abc".as_slice()));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct HeaderValue(Vec<u8>);

impl HeaderValue {
    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value as text.
    ///
    /// # Errors
    ///
    /// When a client sent something that is not UTF-8, which HTTP allows.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.0)
    }

    /// Returns what follows `prefix`, whose ASCII letters match in either case: authentication
    /// schemes are written both ways.
    #[must_use]
    pub fn strip_prefix_ignore_case(&self, prefix: &str) -> Option<&[u8]> {
        let (start, rest) = self.0.split_at_checked(prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix.as_bytes())
            .then_some(rest)
    }

    /// Returns the bytes and gives up the value.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for HeaderValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for HeaderValue {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<HeaderValue> for Vec<u8> {
    fn from(value: HeaderValue) -> Self {
        value.0
    }
}

impl From<Vec<u8>> for HeaderValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl PartialEq<str> for HeaderValue {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for HeaderValue {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Headers on their way to the host, always in the wire form: what sends them does nothing more.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct HeaderList(Vec<u8>);

impl HeaderList {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn of<const N: usize>(headers: [(&[u8], &[u8]); N]) -> Self {
        Self(pairs::encode(headers))
    }

    /// Sets the value of a header that is in the list.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        let before = Headers(std::mem::take(&mut self.0));
        for (key, old) in before.iter() {
            self.push(key, if key == name { value } else { old });
        }
    }

    /// The serialized map; nothing for no headers.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds a header. The table of sizes lies before the data, so the whole is written anew; a
    /// rejection or a callout has a handful of headers.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        let (count, rest) = match self.0.split_first_chunk::<4>() {
            Some((count, rest)) => (u32::from_le_bytes(*count), rest),
            None => (0, [].as_slice()),
        };
        let table = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_mul(8);
        let (sizes, data) = rest.split_at_checked(table).unwrap_or_default();
        let size = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
        let start = (count + 1).to_le_bytes();
        let name_and_value = (size(name), size(value));
        let parts: [&[u8]; 9] = [
            &start,
            sizes,
            &name_and_value.0,
            &name_and_value.1,
            data,
            name,
            &[0],
            value,
            &[0],
        ];
        self.0 = parts.concat();
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Headers(self.0.clone()).fmt(f)
    }
}

/// All entries of a header map at one moment: one block from the host, borrowed pair by pair.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<u8>);

impl Headers {
    pub(crate) fn from_serialized(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns name and value of each entry, in the host's order. Names are lower case. A map that
    /// the host serialized wrongly ends where it stops making sense.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        pairs::iter(&self.0)
            .ok()
            .into_iter()
            .flatten()
            .map_while(Result::ok)
    }

    /// Returns the first value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns each value of a header that may occur several times.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (text(name), text(value))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use tollgate_abi::pairs;

    use super::{HeaderList, HeaderValue, Headers};

    #[test]
    fn a_list_is_written_as_the_codec_reads_it() {
        let mut list = HeaderList::new();
        assert!(list.as_bytes().is_empty());
        list.push(b"a", b"b");
        list.push(b"cc", b"");
        list.push(b"d", &[7; 300]);
        let seven = [7; 300];
        let expected = [("a", b"b".as_slice()), ("cc", b""), ("d", &seven)];
        assert_eq!(list.as_bytes(), pairs::encode(expected));
    }

    #[test]
    fn a_replaced_header_keeps_its_place() {
        let mut list = HeaderList::of([(b"a".as_slice(), b"1".as_slice()), (b"b", b"2")]);
        list.replace(b"a", b"three");
        assert_eq!(list.as_bytes(), pairs::encode([("a", "three"), ("b", "2")]));
    }

    #[test]
    fn a_map_that_stops_making_sense_ends_there() {
        let mut bytes = pairs::encode([("a", "1"), ("b", "2")]);
        bytes.pop();
        let headers = Headers::from_serialized(bytes);
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [(b"a".as_slice(), b"1".as_slice())]
        );
        assert!(Headers::from_serialized(vec![255; 7]).is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let value = HeaderValue::from(vec![0xff, b'a']);
        assert!(value.to_str().is_err());
        assert_eq!(value.as_bytes(), [0xff, b'a']);
        assert_eq!(format!("{value:?}"), "\"\\xffa\"");
    }

    #[test]
    fn a_prefix_longer_than_the_value_does_not_match() {
        let value = HeaderValue::from(b"Bear".to_vec());
        assert_eq!(value.strip_prefix_ignore_case("Bearer "), None);
    }
}
