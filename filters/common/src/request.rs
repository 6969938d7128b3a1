//! The head of a request as rules see it.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::path;

/// Where the headers of a request come from.
///
/// Names are in lower case and include the pseudo-headers, as Envoy presents them to filters.
pub trait RequestHead {
    /// The bytes of one header.
    type Value: AsRef<[u8]> + Into<Vec<u8>>;
    /// Why a header cannot be read, which differs from its absence.
    type Error;

    /// Returns the first value of a header.
    ///
    /// # Errors
    ///
    /// When the headers cannot be read at all.
    fn header(&self, name: &str) -> Result<Option<Self::Value>, Self::Error>;

    /// Returns the values of all `cookie` headers, joined by `; `.
    ///
    /// # Errors
    ///
    /// When the headers cannot be read at all.
    fn cookies(&self) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// A request head, of which each part is read from the host once and only when a rule asks.
#[derive(Debug)]
pub struct Request<'a, H: RequestHead> {
    head: &'a H,
    target: OnceCell<Vec<u8>>,
    path: OnceCell<Path>,
    host: OnceCell<Vec<u8>>,
    method: OnceCell<Vec<u8>>,
}

/// The path in normal form.
#[derive(Debug)]
enum Path {
    /// So many bytes of the target.
    Sent(usize),
    Made(Vec<u8>),
}

impl<'a, H: RequestHead> Request<'a, H> {
    /// Wraps a head; reads nothing yet.
    pub fn new(head: &'a H) -> Self {
        Self {
            head,
            target: OnceCell::new(),
            path: OnceCell::new(),
            host: OnceCell::new(),
            method: OnceCell::new(),
        }
    }

    /// Returns the head.
    pub fn head(&self) -> &'a H {
        self.head
    }

    /// Returns path and query, if anything asked for them.
    #[must_use]
    pub fn into_target(self) -> Option<Vec<u8>> {
        self.target.into_inner()
    }

    /// Returns path and query as they were sent.
    ///
    /// # Errors
    ///
    /// When the headers cannot be read at all; the same for the other parts.
    pub fn target(&self) -> Result<&[u8], H::Error> {
        self.part(&self.target, ":path", Into::into)
    }

    /// Returns the path in normal form, without the query (see [`path::normalize`]).
    ///
    /// # Errors
    ///
    /// As for [`Self::target`].
    pub fn path(&self) -> Result<&[u8], H::Error> {
        let target = self.target()?;
        let path = self.path.get_or_init(|| match path::normalize(target) {
            Cow::Borrowed(path) => Path::Sent(path.len()),
            Cow::Owned(path) => Path::Made(path),
        });
        Ok(match path {
            Path::Sent(len) => target.get(..*len).unwrap_or_default(),
            Path::Made(path) => path,
        })
    }

    /// Returns the host in lower case, without port and without the dot of the root.
    ///
    /// # Errors
    ///
    /// As for [`Self::target`].
    pub fn host(&self) -> Result<&[u8], H::Error> {
        self.part(&self.host, ":authority", |value| {
            let host = without_port(value.as_ref());
            host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
        })
    }

    /// Returns the method.
    ///
    /// # Errors
    ///
    /// As for [`Self::target`].
    pub fn method(&self) -> Result<&[u8], H::Error> {
        self.part(&self.method, ":method", Into::into)
    }

    fn part<'s>(
        &'s self,
        cell: &'s OnceCell<Vec<u8>>,
        name: &str,
        convert: impl Fn(H::Value) -> Vec<u8>,
    ) -> Result<&'s [u8], H::Error> {
        if let Some(known) = cell.get() {
            return Ok(known);
        }
        let value = self.head.header(name)?;
        Ok(cell.get_or_init(|| value.map(convert).unwrap_or_default()))
    }
}

fn without_port(authority: &[u8]) -> &[u8] {
    let digits = authority
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let before = authority.len().checked_sub(digits + 1);
    match before.and_then(|before| authority.split_at_checked(before)) {
        Some((host, port)) if port.starts_with(b":") => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn a_port_is_cut_from_names_and_addresses() {
        assert_eq!(without_port(b"a.test:8080"), b"a.test");
        assert_eq!(without_port(b"[::1]:80"), b"[::1]");
        assert_eq!(without_port(b"[::1]"), b"[::1]");
        assert_eq!(without_port(b"a.test"), b"a.test");
        assert_eq!(without_port(b"10"), b"10");
        assert_eq!(without_port(b""), b"");
    }
}
