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
