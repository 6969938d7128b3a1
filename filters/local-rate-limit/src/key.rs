//! What a rule counts by.

use std::net::IpAddr;

use tollgate_filter_common::json::{Fault, FromJson, Node};
use tollgate_filter_common::{HeaderName, Request, RequestHead, Token, cookie, query};

use crate::address::{Cidr, Prefixes, forwarded};

/// What is known of a client beside the head of its request.
pub(crate) trait Client: RequestHead {
    /// Returns the client's address, as the proxy sees it.
    fn remote_ip(&self) -> Result<Option<IpAddr>, Self::Error>;

    /// Returns the consumer that an authentication filter found.
    fn consumer(&self) -> Result<Option<Self::Value>, Self::Error>;
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPart {
    /// The client's address.
    RemoteIp(RemoteIp),
    /// The first value of a header.
    Header(HeaderName),
    /// The first value of a query parameter.
    Query(String),
    /// A cookie.
    Cookie(Token),
    /// A parameter of the path template that the rule matches.
    PathParam(String),
    /// The consumer that an authentication filter found.
    Consumer,
    /// A constant: all requests of the rule share one limit.
    Generic(String),
}

/// How the client's address is found and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemoteIp {
    pub(crate) prefixes: Prefixes,
    /// Which entry of `x-forwarded-for` it is, from the end; 0 for the proxy's own view.
    pub(crate) trusted_hops: Option<u32>,
}

/// The value of a part in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartValue {
    Text(Vec<u8>),
    Address { whole: IpAddr, counted: IpAddr },
}

impl RemoteIp {
    /// Each IPv4 address is a client; in IPv6 each /64.
    pub(crate) const DEFAULT: Self = Self {
        prefixes: Prefixes { v4: 32, v6: 64 },
        trusted_hops: None,
    };

    /// Returns the address, whole and as it is counted.
    pub(crate) fn value<C: Client>(
        self,
        request: &Request<'_, C>,
        trusted_hops: u32,
    ) -> Result<Option<PartValue>, C::Error> {
        let hops = self.trusted_hops.unwrap_or(trusted_hops);
        let address = client_address(request, hops)?;
        Ok(address.map(|whole| PartValue::Address {
            whole,
            counted: self.prefixes.mask(whole),
        }))
    }
}

/// Returns the client's address: the entry of `x-forwarded-for` so many from the end, or the
/// proxy's own view if there is none.
pub(crate) fn client_address<C: Client>(
    request: &Request<'_, C>,
    trusted_hops: u32,
) -> Result<Option<IpAddr>, C::Error> {
    if trusted_hops > 0
        && let Some(header) = request.head().header("x-forwarded-for")?
        && let Some(address) = forwarded(header.as_ref(), trusted_hops)
    {
        return Ok(Some(address));
    }
    Ok(request
        .head()
        .remote_ip()?
        .map(|address| address.to_canonical()))
}

impl KeyPart {
    /// Returns the value in a request, or nothing when it has none.
    pub(crate) fn value<C: Client>(
        &self,
        request: &Request<'_, C>,
        path_value: impl Fn(&[u8], &str) -> Option<Vec<u8>>,
        trusted_hops: u32,
    ) -> Result<Option<PartValue>, C::Error> {
        let text = match self {
            Self::RemoteIp(part) => return part.value(request, trusted_hops),
            Self::Header(name) => {
                let value = request.head().header(name.as_str())?;
                value.map(|value| value.as_ref().to_vec())
            }
            Self::Query(name) => {
                query::find(request.target()?, name).map(std::borrow::Cow::into_owned)
            }
            Self::Cookie(name) => {
                let cookies = request.head().cookies()?.unwrap_or_default();
                cookie::find(&cookies, name.as_str()).map(<[u8]>::to_vec)
            }
            Self::PathParam(name) => path_value(request.path()?, name),
            Self::Consumer => request
                .head()
                .consumer()?
                .map(|value| value.as_ref().to_vec()),
            Self::Generic(value) => Some(value.as_bytes().to_vec()),
        };
        Ok(text.filter(|text| !text.is_empty()).map(PartValue::Text))
    }
}

impl FromJson for KeyPart {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        if node.is_string() {
            return match node.text()? {
                "consumer" => Ok(Self::Consumer),
                "remote_ip" => Ok(Self::RemoteIp(RemoteIp::DEFAULT)),
                _ => Err(node.fault("only `consumer` and `remote_ip` stand alone")),
            };
        }
        let members = [
            "remote_ip",
            "header",
            "query",
            "cookie",
            "path_param",
            "generic",
        ];
        let object = node.object(&members)?;
        let (kind, value) = object.only()?;
        match kind {
            "remote_ip" => RemoteIp::from_json(&value).map(Self::RemoteIp),
            "header" => HeaderName::from_json(&value).map(Self::Header),
            "query" => not_empty(&value).map(Self::Query),
            "cookie" => Token::from_json(&value).map(Self::Cookie),
            "path_param" => not_empty(&value).map(Self::PathParam),
            _ => not_empty(&value).map(Self::Generic),
        }
    }
}

impl FromJson for RemoteIp {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["v4_prefix", "v6_prefix", "trusted_hops"])?;
        let prefix = |name: &str, default: u8, most: u8| -> Result<u8, Fault> {
            let Some(node) = object.member(name) else {
                return Ok(default);
            };
            let length = u8::try_from(u32::from_json(&node)?).ok();
            let length = length.filter(|length| *length <= most);
            length.ok_or_else(|| node.fault(&format!("must be at most {most}")))
        };
        let Prefixes { v4, v6 } = Self::DEFAULT.prefixes;
        Ok(Self {
            prefixes: Prefixes {
                v4: prefix("v4_prefix", v4, 32)?,
                v6: prefix("v6_prefix", v6, 128)?,
            },
            trusted_hops: object.optional("trusted_hops")?,
        })
    }
}

fn not_empty(node: &Node<'_>) -> Result<String, Fault> {
    match node.text()? {
        "" => Err(node.fault("must not be empty")),
        text => Ok(text.to_owned()),
    }
}

/// What an override asks of one part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Any,
    Text(String),
    Range(Cidr),
}

impl Pattern {
    /// Reads the pattern for a part: `*`, a range for an address, and the text for all else.
    pub(crate) fn read(node: &Node<'_>, part: &KeyPart) -> Result<Self, Fault> {
        match (node.text()?, part) {
            ("*", _) => Ok(Self::Any),
            (_, KeyPart::RemoteIp(_)) => Cidr::from_json(node).map(Self::Range),
            (text, _) => Ok(Self::Text(text.to_owned())),
        }
    }

    pub(crate) fn fits(&self, value: &PartValue) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Text(own), PartValue::Text(text)) => own.as_bytes() == text,
            (Self::Range(range), PartValue::Address { whole, .. }) => range.contains(*whole),
            (Self::Text(_) | Self::Range(_), _) => false,
        }
    }
}
