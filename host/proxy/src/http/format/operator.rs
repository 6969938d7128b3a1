//! Operator: one `%COMMAND%`, checked.

use std::fs;

use super::FormatError;
use super::syntax::Command;
use super::time::TimeFormat;

/// What an operator writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operator {
    StartTime(TimeFormat),
    EmitTime(TimeFormat),
    Header(Source, HeaderChoice),
    /// The path without its query.
    PathWithoutQuery,
    Stream(StreamField),
    Connection(ConnectionField),
    Upstream(UpstreamField),
    Duration(Span),
    ResponseCodeDetails {
        keep_whitespace: bool,
    },
    GrpcStatus {
        as_number: bool,
    },
    FilterState {
        key: String,
        plain: bool,
        max_length: Option<usize>,
    },
    Constant(Option<String>),
}

/// Which headers an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Request,
    Response,
    ResponseTrailers,
}

/// A header, and another one to look at where there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeaderChoice {
    pub(super) name: String,
    pub(super) alternative: Option<String>,
    pub(super) max_length: Option<usize>,
}

/// Facts about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamField {
    Protocol,
    ResponseCode,
    ResponseFlags,
    ResponseFlagsLong,
    BytesReceived,
    BytesSent,
    RequestHeadersBytes,
    ResponseHeadersBytes,
    ResponseTrailersBytes,
    RouteName,
    StreamId,
    ConnectionTerminationDetails,
    RemoteAddress(AddressPart),
}

/// Facts about the downstream connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionField {
    Id,
    DirectRemoteAddress(AddressPart),
    LocalAddress(AddressPart),
    RequestedServerName,
    FilterChainName,
    ListenerName,
    TransportFailureReason,
    Tls(TlsField),
}

/// Facts about a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsField {
    Version,
    Cipher,
    PeerSubject,
    PeerIssuer,
    PeerSerial,
    PeerFingerprint256,
    PeerUriSan,
    PeerDnsSan,
    LocalSubject,
    LocalUriSan,
    LocalDnsSan,
}

/// Facts about the upstream side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpstreamField {
    /// The chosen endpoint, connected or not.
    Host,
    HostName,
    /// The endpoint, once connected.
    RemoteAddress(AddressPart),
    LocalAddress(AddressPart),
    Cluster,
    Protocol,
    Attempts,
    ConnectionId,
    TransportFailureReason,
    TlsVersion,
    TlsCipher,
}

/// How much of an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressPart {
    Whole,
    WithoutPort,
    Port,
}

/// A span of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The whole stream.
    Stream,
    /// Until the request was received.
    Request,
    /// Until the upstream's first byte.
    Response,
    /// From the upstream's first byte to the last one sent.
    ResponseTx,
}

impl Operator {
    /// Checks an operator.
    pub(super) fn new(command: &Command<'_>) -> Result<Self, FormatError> {
        if let Some(operator) = Self::with_argument(command)? {
            return Ok(operator);
        }
        let operator = Self::bare(command.name)
            .ok_or_else(|| FormatError::Unknown(command.name.to_owned()))?;
        if command.argument.is_some() {
            return Err(command.misused("takes no argument"));
        }
        if command.max_length.is_some() {
            return Err(command.misused("takes no length"));
        }
        Ok(operator)
    }

    fn with_argument(command: &Command<'_>) -> Result<Option<Self>, FormatError> {
        let operator = match command.name {
            "START_TIME" => Self::StartTime(time_format(command)?),
            "EMIT_TIME" => Self::EmitTime(time_format(command)?),
            "REQ" => Self::Header(Source::Request, header_choice(command)?),
            "RESP" => Self::Header(Source::Response, header_choice(command)?),
            "TRAILER" => Self::Header(Source::ResponseTrailers, header_choice(command)?),
            "PATH" => path(command)?,
            "RESPONSE_CODE_DETAILS" => Self::ResponseCodeDetails {
                keep_whitespace: option(command, &["ALLOW_WHITESPACES"])?.is_some(),
            },
            "GRPC_STATUS" => {
                let style = option(command, &["CAMEL_STRING", "NUMBER"])?;
                Self::GrpcStatus {
                    as_number: style == Some("NUMBER"),
                }
            }
            "FILTER_STATE" => filter_state(command)?,
            // Nothing here writes dynamic metadata: it is always missing.
            "DYNAMIC_METADATA" => {
                command
                    .argument
                    .ok_or_else(|| command.misused("needs a namespace"))?;
                Self::Constant(None)
            }
            "ENVIRONMENT" => {
                let name = command.argument.filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| command.misused("needs a variable's name"))?;
                Self::Constant(std::env::var(name).ok())
            }
            _ => return Ok(None),
        };
        Ok(Some(operator))
    }

    fn bare(name: &str) -> Option<Self> {
        let operator = match name {
            "DURATION" => Self::Duration(Span::Stream),
            "REQUEST_DURATION" => Self::Duration(Span::Request),
            "RESPONSE_DURATION" => Self::Duration(Span::Response),
            "RESPONSE_TX_DURATION" => Self::Duration(Span::ResponseTx),
            "GRPC_STATUS_NUMBER" => Self::GrpcStatus { as_number: true },
            "HOSTNAME" => Self::Constant(hostname()),
            "ACCESS_LOG_TYPE" => Self::Constant(Some("DownstreamEnd".to_owned())),
            // There are no virtual clusters and no traces.
            "VIRTUAL_CLUSTER_NAME" | "TRACE_ID" | "SPAN_ID" => Self::Constant(None),
            _ => {
                let stream = StreamField::new(name).map(Self::Stream);
                let connection = || ConnectionField::new(name).map(Self::Connection);
                let upstream = || UpstreamField::new(name).map(Self::Upstream);
                return stream.or_else(connection).or_else(upstream);
            }
        };
        Some(operator)
    }
}

impl StreamField {
    fn new(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("DOWNSTREAM_REMOTE_") {
            return AddressPart::new(rest).map(Self::RemoteAddress);
        }
        Some(match name {
            "PROTOCOL" => Self::Protocol,
            "RESPONSE_CODE" => Self::ResponseCode,
            "RESPONSE_FLAGS" => Self::ResponseFlags,
            "RESPONSE_FLAGS_LONG" => Self::ResponseFlagsLong,
            "BYTES_RECEIVED" => Self::BytesReceived,
            "BYTES_SENT" => Self::BytesSent,
            "REQUEST_HEADERS_BYTES" => Self::RequestHeadersBytes,
            "RESPONSE_HEADERS_BYTES" => Self::ResponseHeadersBytes,
            "RESPONSE_TRAILERS_BYTES" => Self::ResponseTrailersBytes,
            "ROUTE_NAME" => Self::RouteName,
            "STREAM_ID" => Self::StreamId,
            "CONNECTION_TERMINATION_DETAILS" => Self::ConnectionTerminationDetails,
            _ => return None,
        })
    }
}

impl ConnectionField {
    fn new(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("DOWNSTREAM_DIRECT_REMOTE_") {
            return AddressPart::new(rest).map(Self::DirectRemoteAddress);
        }
        Some(match name {
            "CONNECTION_ID" => Self::Id,
            "DOWNSTREAM_LOCAL_ADDRESS" => Self::LocalAddress(AddressPart::Whole),
            "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT" => Self::LocalAddress(AddressPart::WithoutPort),
            "DOWNSTREAM_LOCAL_PORT" => Self::LocalAddress(AddressPart::Port),
            "REQUESTED_SERVER_NAME" => Self::RequestedServerName,
            "FILTER_CHAIN_NAME" => Self::FilterChainName,
            "LISTENER_NAME" => Self::ListenerName,
            "DOWNSTREAM_TRANSPORT_FAILURE_REASON" => Self::TransportFailureReason,
            "DOWNSTREAM_TLS_VERSION" => Self::Tls(TlsField::Version),
            "DOWNSTREAM_TLS_CIPHER" => Self::Tls(TlsField::Cipher),
            "DOWNSTREAM_PEER_SUBJECT" => Self::Tls(TlsField::PeerSubject),
            "DOWNSTREAM_PEER_ISSUER" => Self::Tls(TlsField::PeerIssuer),
            "DOWNSTREAM_PEER_SERIAL" => Self::Tls(TlsField::PeerSerial),
            "DOWNSTREAM_PEER_FINGERPRINT_256" => Self::Tls(TlsField::PeerFingerprint256),
            "DOWNSTREAM_PEER_URI_SAN" => Self::Tls(TlsField::PeerUriSan),
            "DOWNSTREAM_PEER_DNS_SAN" => Self::Tls(TlsField::PeerDnsSan),
            "DOWNSTREAM_LOCAL_SUBJECT" => Self::Tls(TlsField::LocalSubject),
            "DOWNSTREAM_LOCAL_URI_SAN" => Self::Tls(TlsField::LocalUriSan),
            "DOWNSTREAM_LOCAL_DNS_SAN" => Self::Tls(TlsField::LocalDnsSan),
            _ => return None,
        })
    }
}

impl UpstreamField {
    fn new(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("UPSTREAM_REMOTE_") {
            return AddressPart::new(rest).map(Self::RemoteAddress);
        }
        Some(match name {
            "UPSTREAM_HOST" => Self::Host,
            "UPSTREAM_HOST_NAME" => Self::HostName,
            "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => Self::Cluster,
            "UPSTREAM_PROTOCOL" => Self::Protocol,
            "UPSTREAM_REQUEST_ATTEMPT_COUNT" => Self::Attempts,
            "UPSTREAM_CONNECTION_ID" => Self::ConnectionId,
            "UPSTREAM_TRANSPORT_FAILURE_REASON" => Self::TransportFailureReason,
            "UPSTREAM_LOCAL_ADDRESS" => Self::LocalAddress(AddressPart::Whole),
            "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT" => Self::LocalAddress(AddressPart::WithoutPort),
            "UPSTREAM_LOCAL_PORT" => Self::LocalAddress(AddressPart::Port),
            "UPSTREAM_TLS_VERSION" => Self::TlsVersion,
            "UPSTREAM_TLS_CIPHER" => Self::TlsCipher,
            _ => return None,
        })
    }
}

impl AddressPart {
    fn new(rest: &str) -> Option<Self> {
        match rest {
            "ADDRESS" => Some(Self::Whole),
            "ADDRESS_WITHOUT_PORT" => Some(Self::WithoutPort),
            "PORT" => Some(Self::Port),
            _ => None,
        }
    }
}

fn time_format(command: &Command<'_>) -> Result<TimeFormat, FormatError> {
    match command.argument {
        None | Some("") => Ok(TimeFormat::iso()),
        Some(format) => TimeFormat::parse(format).map_err(|reason| command.misused(&reason)),
    }
}

fn header_choice(command: &Command<'_>) -> Result<HeaderChoice, FormatError> {
    let names = command.argument.filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| command.misused("needs a header's name"))?;
    let mut names = names.split('?').map(str::to_ascii_lowercase);
    let choice = HeaderChoice {
        name: names.next().unwrap_or_default(),
        alternative: names.next(),
        max_length: command.max_length,
    };
    match names.next() {
        Some(_) => Err(command.misused("takes one alternative header at most")),
        None => Ok(choice),
    }
}

/// Reads `%PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%` as far as it equals something there is already.
fn path(command: &Command<'_>) -> Result<Operator, FormatError> {
    match command.argument {
        None | Some("" | "WQ" | "WQ:ORIG_OR_PATH") => {
            let original = "x-envoy-original-path".to_owned();
            Ok(Operator::Header(
                Source::Request,
                HeaderChoice {
                    name: original,
                    alternative: Some(":path".to_owned()),
                    max_length: command.max_length,
                },
            ))
        }
        Some("NQ" | "NQ:ORIG_OR_PATH") => Ok(Operator::PathWithoutQuery),
        Some(_) => Err(command.misused("takes WQ or NQ")),
    }
}

fn option<'a>(command: &Command<'a>, known: &[&str]) -> Result<Option<&'a str>, FormatError> {
    match command.argument {
        None | Some("") => Ok(None),
        Some(option) if known.contains(&option) => Ok(Some(option)),
        Some(_) => Err(command.misused(&format!("takes {}", known.join(" or ")))),
    }
}

fn filter_state(command: &Command<'_>) -> Result<Operator, FormatError> {
    let argument = command.argument.filter(|argument| !argument.is_empty());
    let argument = argument.ok_or_else(|| command.misused("needs a key"))?;
    let (key, style) = argument.split_once(':').unwrap_or((argument, "TYPED"));
    if !matches!(style, "TYPED" | "PLAIN") {
        return Err(command.misused("takes PLAIN or TYPED"));
    }
    Ok(Operator::FilterState {
        key: key.to_owned(),
        plain: style == "PLAIN",
        max_length: command.max_length,
    })
}

fn hostname() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
