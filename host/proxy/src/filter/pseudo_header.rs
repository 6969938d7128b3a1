//! Pseudo-headers: their names, their values, and the message heads they make.

use std::fmt;

use http::header::{HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri};

use super::header_table::{HeaderFault, HeaderTable, HostField};

/// The pseudo-headers of HTTP/2, which HTTP/1 requests and responses have here as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PseudoHeader {
    /// `:authority`, the `host` of HTTP/1.
    Authority,
    /// `:path`, with the query.
    Path,
    /// `:method`.
    Method,
    /// `:scheme`.
    Scheme,
    /// `:protocol` of an extended CONNECT.
    Protocol,
    /// `:status`.
    Status,
}

impl PseudoHeader {
    /// Returns the name with its colon.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Authority => ":authority",
            Self::Path => ":path",
            Self::Method => ":method",
            Self::Scheme => ":scheme",
            Self::Protocol => ":protocol",
            Self::Status => ":status",
        }
    }

    pub(super) fn of_request(name: &[u8]) -> Option<Self> {
        match name {
            b":authority" => Some(Self::Authority),
            b":path" => Some(Self::Path),
            b":method" => Some(Self::Method),
            b":scheme" => Some(Self::Scheme),
            b":protocol" => Some(Self::Protocol),
            _ => None,
        }
    }
}

impl fmt::Display for PseudoHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of a pseudo-header, parsed where that saves work.
#[derive(Clone, Debug)]
pub(crate) enum PseudoValue {
    /// A method.
    Method(Method),
    /// A status.
    Status(StatusCode),
    /// A path as it came, parsed.
    Path(PathAndQuery),
    /// An authority, a scheme, a protocol, or a path that a guest wrote.
    Text(HeaderValue),
    /// What a guest wrote and HTTP does not allow.
    Illegal(Box<[u8]>),
}

impl PseudoValue {
    /// Reads a value. Never fails: what is not allowed is kept as [`Illegal`](Self::Illegal).
    #[must_use]
    pub(crate) fn parse(pseudo: PseudoHeader, value: &[u8]) -> Self {
        let parsed = match pseudo {
            PseudoHeader::Method => Method::from_bytes(value).ok().map(Self::Method),
            PseudoHeader::Status => StatusCode::from_bytes(value).ok().map(Self::Status),
            PseudoHeader::Authority
            | PseudoHeader::Path
            | PseudoHeader::Scheme
            | PseudoHeader::Protocol => HeaderValue::from_bytes(value).ok().map(Self::Text),
        };
        parsed.unwrap_or_else(|| Self::Illegal(value.into()))
    }

    /// Returns the value as it is sent.
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Method(method) => method.as_str().as_bytes(),
            Self::Status(status) => status.as_str().as_bytes(),
            Self::Path(path) => path.as_str().as_bytes(),
            Self::Text(text) => text.as_bytes(),
            Self::Illegal(bytes) => bytes,
        }
    }

    pub(super) fn is_illegal(&self) -> bool {
        matches!(self, Self::Illegal(_))
    }
}

impl HeaderTable {
    /// Returns the method, if there is a legal one.
    #[must_use]
    pub(crate) fn method(&self) -> Option<&Method> {
        match self.pseudo_value(PseudoHeader::Method)? {
            PseudoValue::Method(method) => Some(method),
            PseudoValue::Status(_)
            | PseudoValue::Path(_)
            | PseudoValue::Text(_)
            | PseudoValue::Illegal(_) => None,
        }
    }

    /// Returns the path with its query; empty when there is none.
    #[must_use]
    pub(crate) fn path(&self) -> &[u8] {
        self.pseudo_value(PseudoHeader::Path)
            .map_or(b"", PseudoValue::as_bytes)
    }

    /// Returns the authority; empty when there is none.
    #[must_use]
    pub(crate) fn authority(&self) -> &[u8] {
        self.pseudo_value(PseudoHeader::Authority)
            .map_or(b"", PseudoValue::as_bytes)
    }

    /// Returns the scheme; empty when there is none.
    #[must_use]
    pub(crate) fn scheme(&self) -> &[u8] {
        self.pseudo_value(PseudoHeader::Scheme)
            .map_or(b"", PseudoValue::as_bytes)
    }

    /// Returns the status, if there is a legal one.
    #[must_use]
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self.pseudo_value(PseudoHeader::Status)? {
            PseudoValue::Status(status) => Some(*status),
            PseudoValue::Method(_)
            | PseudoValue::Path(_)
            | PseudoValue::Text(_)
            | PseudoValue::Illegal(_) => None,
        }
    }

    /// Sets the status.
    pub(crate) fn set_status(&mut self, status: StatusCode) {
        self.set_pseudo(PseudoHeader::Status, PseudoValue::Status(status));
    }

    /// Sets the method.
    #[cfg(test)]
    pub(crate) fn set_method(&mut self, method: Method) {
        self.set_pseudo(PseudoHeader::Method, PseudoValue::Method(method));
    }

    /// Sets the path with its query.
    pub(crate) fn set_path(&mut self, path: &[u8]) {
        self.set_pseudo(
            PseudoHeader::Path,
            PseudoValue::parse(PseudoHeader::Path, path),
        );
    }

    /// Sets the authority.
    pub(crate) fn set_authority(&mut self, authority: &[u8]) {
        let value = PseudoValue::parse(PseudoHeader::Authority, authority);
        self.set_pseudo(PseudoHeader::Authority, value);
    }

    /// Makes a new request one for an HTTP/1 upstream: path as the target, authority as `host`, and
    /// no body yet. It is written where it lies, as it is large.
    ///
    /// # Errors
    ///
    /// When method or path are missing, or something in the table is not allowed. As in Envoy an
    /// authority is not required.
    pub(crate) fn write_http1_request<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(), HeaderFault> {
        self.write_http1_target(request)?;
        *request.headers_mut() = self.fields().clone();
        self.write_host(request.headers_mut())
    }

    /// Makes that request and leaves no headers but pseudo-headers: a copy costs as much as a route
    /// does, and mostly nobody looks at what was sent.
    ///
    /// # Errors
    ///
    /// As [`write_http1_request`](Self::write_http1_request).
    pub(crate) fn move_to_http1_request<B>(
        &mut self,
        request: &mut Request<B>,
    ) -> Result<(), HeaderFault> {
        self.write_http1_target(request)?;
        std::mem::swap(request.headers_mut(), self.fields_mut());
        self.write_host(request.headers_mut())?;
        self.host = HostField::Absent;
        Ok(())
    }

    fn write_http1_target<B>(&self, request: &mut Request<B>) -> Result<(), HeaderFault> {
        let method = self.checked_method()?;
        *request.uri_mut() = if method == Method::CONNECT {
            Uri::from(self.parsed_authority()?)
        } else {
            Uri::from(self.parsed_path()?)
        };
        *request.method_mut() = method;
        Ok(())
    }

    /// Makes the authority the `host` of the fields: in its place, or else first.
    fn write_host(&self, fields: &mut HeaderMap) -> Result<(), HeaderFault> {
        let has_authority = self.pseudo_value(PseudoHeader::Authority).is_some();
        match (self.host, has_authority) {
            (HostField::Current, _) | (HostField::Absent, false) => {}
            (HostField::Stale, false) => {
                fields.remove(http::header::HOST);
            }
            (HostField::Stale, true) => {
                let authority = self.required(PseudoHeader::Authority)?;
                fields.insert(http::header::HOST, authority);
            }
            (HostField::Absent, true) => {
                let mut ordered = HeaderMap::with_capacity(fields.len() + 1);
                let authority = self.required(PseudoHeader::Authority)?;
                ordered.insert(http::header::HOST, authority);
                ordered.extend(std::mem::take(fields));
                *fields = ordered;
            }
        }
        Ok(())
    }

    /// Makes a new request one for an HTTP/2 upstream: an absolute target and no `host`. Without an
    /// authority the target is a path.
    ///
    /// # Errors
    ///
    /// As [`write_http1_request`](Self::write_http1_request).
    pub(crate) fn write_http2_request<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(), HeaderFault> {
        let method = self.checked_method()?;
        let mut parts = http::uri::Parts::default();
        let has_authority = self.pseudo_value(PseudoHeader::Authority).is_some();
        if has_authority || method == Method::CONNECT {
            parts.authority = Some(self.parsed_authority()?);
        }
        if method != Method::CONNECT {
            parts.path_and_query = Some(self.parsed_path()?);
            parts.scheme = has_authority.then(|| self.parsed_scheme()).transpose()?;
        }
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| illegal(PseudoHeader::Path))?;
        *request.headers_mut() = self.fields().clone();
        if self.host != HostField::Absent {
            request.headers_mut().remove(http::header::HOST);
        }
        Ok(())
    }

    /// Checks that the table can be sent as a response and returns its status.
    ///
    /// # Errors
    ///
    /// When the status is missing, or something in the table is not allowed.
    pub(crate) fn checked_status(&self) -> Result<StatusCode, HeaderFault> {
        self.fault().map_or(Ok(()), Err)?;
        self.status()
            .ok_or(HeaderFault::Missing(PseudoHeader::Status))
    }

    fn checked_method(&self) -> Result<Method, HeaderFault> {
        self.fault().map_or(Ok(()), Err)?;
        self.method()
            .cloned()
            .ok_or(HeaderFault::Missing(PseudoHeader::Method))
    }

    fn required(&self, pseudo: PseudoHeader) -> Result<HeaderValue, HeaderFault> {
        match self.pseudo_value(pseudo) {
            Some(PseudoValue::Text(text)) => Ok(text.clone()),
            Some(
                PseudoValue::Method(_)
                | PseudoValue::Status(_)
                | PseudoValue::Path(_)
                | PseudoValue::Illegal(_),
            ) => Err(illegal(pseudo)),
            None => Err(HeaderFault::Missing(pseudo)),
        }
    }

    fn parsed_path(&self) -> Result<PathAndQuery, HeaderFault> {
        if let Some(PseudoValue::Path(path)) = self.pseudo_value(PseudoHeader::Path) {
            return Ok(path.clone());
        }
        let path = self.required(PseudoHeader::Path)?;
        PathAndQuery::try_from(path.as_bytes()).map_err(|_| illegal(PseudoHeader::Path))
    }

    fn parsed_authority(&self) -> Result<Authority, HeaderFault> {
        let authority = self.required(PseudoHeader::Authority)?;
        Authority::try_from(authority.as_bytes()).map_err(|_| illegal(PseudoHeader::Authority))
    }

    fn parsed_scheme(&self) -> Result<Scheme, HeaderFault> {
        match self.scheme() {
            b"" | b"http" => Ok(Scheme::HTTP),
            b"https" => Ok(Scheme::HTTPS),
            other => Scheme::try_from(other).map_err(|_| illegal(PseudoHeader::Scheme)),
        }
    }
}

fn illegal(pseudo: PseudoHeader) -> HeaderFault {
    HeaderFault::IllegalValue(pseudo.name().to_owned())
}
