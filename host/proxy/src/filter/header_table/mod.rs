//! `HeaderTable`: a header map with Envoy's rules, kept as an `http::HeaderMap`.

mod names;
mod write;

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use names::with_header_name;
use smallvec::SmallVec;

use crate::filter::inline_headers::{is_inline_request_header, is_inline_response_header};
use crate::filter::pseudo_header::{PseudoHeader, PseudoValue};

/// Headers or trailers of a request or a response, pseudo-headers included.
///
/// As in Envoy, names are lower case, `host` means `:authority` in requests, and a header that can
/// occur only once joins its values with a comma. What a guest writes is taken as it is; what HTTP
/// does not allow is kept aside and shows up as a [`HeaderFault`] when the table is sent.
#[derive(Clone, Debug)]
pub(crate) struct HeaderTable {
    kind: TableKind,
    pseudo: PseudoHeaders,
    /// A request's `host` stays where it came, so that the order is kept and a request that nobody
    /// changes is sent as it is. Nobody sees it here: the authority counts.
    fields: HeaderMap,
    pub(super) host: HostField,
    illegal: Vec<RawHeader>,
}

/// What the fields hold as `host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostField {
    /// Nothing.
    Absent,
    /// What the authority is.
    Current,
    /// What the authority was.
    Stale,
}

/// A response has one, trailers none; the four of a request lie apart, which keeps tables small
/// enough to be moved about.
type PseudoHeaders = SmallVec<[(PseudoHeader, PseudoValue); 1]>;

/// A name and a value of which at least one is not allowed.
type RawHeader = (Box<[u8]>, Box<[u8]>);

/// So many names are compared faster than one is hashed.
const FEW: usize = 16;

/// What is called with each name and value of a table.
pub(crate) type EntryVisitor<'v> = dyn FnMut(&[u8], &[u8]) + 'v;

/// What a table holds; it decides which pseudo-headers and single-value headers exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableKind {
    /// Headers of a request.
    Request,
    /// Headers of a response.
    Response,
    /// Trailers of a request.
    RequestTrailers,
    /// Trailers of a response.
    ResponseTrailers,
}

/// Why a table cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// A pseudo-header that HTTP requires was removed.
    #[error("missing required header: {0}")]
    Missing(PseudoHeader),
    /// A name has bytes that HTTP does not allow.
    #[error("illegal header name `{0}`")]
    IllegalName(String),
    /// A value has bytes that HTTP does not allow, or a pseudo-header cannot be read.
    #[error("illegal value of header `{0}`")]
    IllegalValue(String),
}

impl HeaderTable {
    /// Returns the table of a request. A `host` field becomes the authority if none is given.
    /// CONNECT requests have neither scheme nor path.
    #[must_use]
    pub(crate) fn from_request(
        method: &Method,
        scheme: Option<&'static str>,
        authority: Option<HeaderValue>,
        path: Option<PathAndQuery>,
        mut fields: HeaderMap,
    ) -> Self {
        let mut host = HostField::Absent;
        let authority = match authority {
            Some(authority) => {
                fields.remove(http::header::HOST);
                Some(authority)
            }
            None => fields.get(http::header::HOST).cloned().inspect(|_| {
                host = HostField::Current;
            }),
        };
        let mut pseudo = SmallVec::with_capacity(4);
        if let Some(authority) = authority {
            pseudo.push((PseudoHeader::Authority, PseudoValue::Text(authority)));
        }
        if let Some(path) = path {
            pseudo.push((PseudoHeader::Path, PseudoValue::Path(path)));
        }
        pseudo.push((PseudoHeader::Method, PseudoValue::Method(method.clone())));
        if let Some(scheme) = scheme {
            let scheme = HeaderValue::from_static(scheme);
            pseudo.push((PseudoHeader::Scheme, PseudoValue::Text(scheme)));
        }
        let mut table = Self::joined(TableKind::Request, pseudo, fields);
        table.host = host;
        table
    }

    /// Returns a request without anything, to be filled.
    #[must_use]
    pub(crate) fn empty_request() -> Self {
        Self::joined(TableKind::Request, SmallVec::new(), HeaderMap::new())
    }

    /// Returns the table of a response.
    #[must_use]
    pub(crate) fn from_response(status: StatusCode, fields: HeaderMap) -> Self {
        let mut pseudo = SmallVec::new();
        pseudo.push((PseudoHeader::Status, PseudoValue::Status(status)));
        Self::joined(TableKind::Response, pseudo, fields)
    }

    /// Returns a table of a request's trailers.
    #[must_use]
    pub(crate) fn request_trailers(fields: HeaderMap) -> Self {
        Self::joined(TableKind::RequestTrailers, SmallVec::new(), fields)
    }

    /// Returns a table of a response's trailers.
    #[must_use]
    pub(crate) fn response_trailers(fields: HeaderMap) -> Self {
        Self::joined(TableKind::ResponseTrailers, SmallVec::new(), fields)
    }

    fn joined(kind: TableKind, pseudo: PseudoHeaders, fields: HeaderMap) -> Self {
        let mut table = Self {
            kind,
            pseudo,
            fields,
            host: HostField::Absent,
            illegal: Vec::new(),
        };
        if table.fields.len() != table.fields.keys_len() {
            table.join_repeated_inline_headers();
        }
        table
    }

    /// Returns the first value of `name`, which is in lower case or a pseudo-header.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        if let Some(pseudo) = self.pseudo_header(name.as_bytes()) {
            return self.pseudo_value(pseudo).map(PseudoValue::as_bytes);
        }
        self.field(name.as_bytes())
    }

    /// Returns the first value of a name that is no pseudo-header's and known beforehand, which is
    /// found faster.
    #[must_use]
    pub(crate) fn named(&self, name: &HeaderName) -> Option<&[u8]> {
        let found = self.fields.get(name).map(HeaderValue::as_bytes);
        found.or_else(|| self.illegal_value(name.as_str().as_bytes()))
    }

    /// Returns the first value of a name that may be any bytes.
    #[must_use]
    pub(crate) fn get_bytes(&self, name: &[u8]) -> Option<&[u8]> {
        match self.pseudo_header(name) {
            Some(pseudo) => self.pseudo_value(pseudo).map(PseudoValue::as_bytes),
            None => self.field(name),
        }
    }

    /// Returns the first value of a name that is no pseudo-header's.
    fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let found = if self.fields.len() <= FEW {
            self.few_field(name)
        } else {
            with_header_name(name, |name| self.fields.get(name?))
        };
        found
            .map(HeaderValue::as_bytes)
            .or_else(|| self.illegal_value(name))
    }

    /// Finds a name by looking at all, in a loop that becomes one, which `find` does not.
    fn few_field(&self, name: &[u8]) -> Option<&HeaderValue> {
        for (own, value) in &self.fields {
            if own.as_str().as_bytes().eq_ignore_ascii_case(name) {
                return Some(value);
            }
        }
        None
    }

    /// Calls `visit` with each value of `name` in order.
    pub(crate) fn get_all<'table>(&'table self, name: &str, visit: &mut dyn FnMut(&'table [u8])) {
        if let Some(pseudo) = self.pseudo_header(name.as_bytes()) {
            if let Some(value) = self.pseudo_value(pseudo) {
                visit(value.as_bytes());
            }
            return;
        }
        self.fields
            .get_all(name)
            .iter()
            .for_each(|value| visit(value.as_bytes()));
        let illegal = self
            .illegal
            .iter()
            .filter(|(other, _)| **other == *name.as_bytes());
        illegal.for_each(|(_, value)| visit(value));
    }

    /// Returns all values of `name` joined by commas, as route and property rules read them.
    #[must_use]
    pub(crate) fn get_joined(&self, name: &str) -> Option<Vec<u8>> {
        let mut joined: Option<Vec<u8>> = None;
        self.get_all(name, &mut |value| match &mut joined {
            None => joined = Some(value.to_vec()),
            Some(joined) => {
                joined.push(b',');
                joined.extend_from_slice(value);
            }
        });
        joined
    }

    /// Returns whether there is such a header.
    #[must_use]
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the headers that are not pseudo-headers, and maybe a `host` that does not count.
    #[must_use]
    pub(crate) fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    /// Returns the headers that are not pseudo-headers, for changes.
    pub(crate) fn fields_mut(&mut self) -> &mut HeaderMap {
        &mut self.fields
    }

    /// Takes the headers out, leaving none: for a message that nobody looks at any more.
    pub(crate) fn take_fields(&mut self) -> HeaderMap {
        std::mem::take(&mut self.fields)
    }

    /// Returns the number of entries, pseudo-headers included.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        let hidden = usize::from(self.host != HostField::Absent);
        self.pseudo.len() + self.fields.len() + self.illegal.len() - hidden
    }

    /// Returns the lengths of all names and values, summed.
    #[must_use]
    pub(crate) fn byte_size(&self) -> usize {
        let mut size = 0;
        self.entries(&mut |name, value| size += name.len() + value.len());
        size
    }

    /// Calls `visit` with each entry, pseudo-headers first.
    pub(crate) fn entries(&self, visit: &mut EntryVisitor<'_>) {
        for (pseudo, value) in &self.pseudo {
            visit(pseudo.name().as_bytes(), value.as_bytes());
        }
        let hides_host = self.host != HostField::Absent;
        for (name, value) in &self.fields {
            if !(hides_host && *name == http::header::HOST) {
                visit(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in &self.illegal {
            visit(name, value);
        }
    }

    /// Returns why the table cannot be sent, if it cannot.
    #[must_use]
    pub(crate) fn fault(&self) -> Option<HeaderFault> {
        if let Some((name, _)) = self.illegal.first() {
            let text = String::from_utf8_lossy(name).into_owned();
            return Some(match HeaderName::from_bytes(name) {
                Ok(_) => HeaderFault::IllegalValue(text),
                Err(_) => HeaderFault::IllegalName(text),
            });
        }
        let illegal = self.pseudo.iter().find(|(_, value)| value.is_illegal());
        illegal.map(|(pseudo, _)| HeaderFault::IllegalValue(pseudo.name().to_owned()))
    }

    /// Returns the value of a pseudo-header.
    #[must_use]
    pub(crate) fn pseudo_value(&self, pseudo: PseudoHeader) -> Option<&PseudoValue> {
        self.pseudo
            .iter()
            .find(|(other, _)| *other == pseudo)
            .map(|(_, value)| value)
    }

    /// Sets a pseudo-header.
    pub(crate) fn set_pseudo(&mut self, pseudo: PseudoHeader, value: PseudoValue) {
        self.pseudo_changes(pseudo);
        match self.pseudo.iter_mut().find(|(other, _)| *other == pseudo) {
            Some((_, old)) => *old = value,
            None => self.pseudo.push((pseudo, value)),
        }
    }

    fn pseudo_changes(&mut self, pseudo: PseudoHeader) {
        if pseudo == PseudoHeader::Authority && self.host == HostField::Current {
            self.host = HostField::Stale;
        }
    }

    fn pseudo_header(&self, name: &[u8]) -> Option<PseudoHeader> {
        match (self.kind, name.first()) {
            (TableKind::Request, Some(b':')) => PseudoHeader::of_request(name),
            (TableKind::Request, Some(b'h')) if name == b"host" => Some(PseudoHeader::Authority),
            (TableKind::Response, Some(b':')) if name == b":status" => Some(PseudoHeader::Status),
            _ => None,
        }
    }

    fn is_inline(&self, name: &str) -> bool {
        match self.kind {
            TableKind::Request => is_inline_request_header(name),
            TableKind::Response => is_inline_response_header(name),
            TableKind::RequestTrailers => false,
            TableKind::ResponseTrailers => matches!(name, "grpc-status" | "grpc-message"),
        }
    }

    fn illegal_value(&self, name: &[u8]) -> Option<&[u8]> {
        self.illegal
            .iter()
            .find(|(other, _)| **other == *name)
            .map(|(_, value)| &**value)
    }
}

impl fmt::Display for HeaderTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.entries(&mut |name, value| {
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            result = result.and_then(|()| writeln!(f, "{name}: {value}"));
        });
        result
    }
}
