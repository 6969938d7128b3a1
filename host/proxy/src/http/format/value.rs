//! The value of an operator for a stream.

use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use super::operator::{
    AddressPart, ConnectionField, HeaderChoice, Operator, Source, Span, StreamField, TlsField,
    UpstreamField,
};
use crate::base64;
use crate::filter::{ConnectionInfo, HeaderTable, StreamState, TlsInfo, UpstreamInfo};

/// `None` for a value that does not exist; nothing is written then.
type Written = Option<()>;

impl Operator {
    /// Appends the value.
    pub(super) fn write(&self, state: &StreamState, out: &mut Vec<u8>) -> Written {
        match self {
            Self::StartTime(format) => format.write(state.info.start_time, out),
            Self::EmitTime(format) => format.write(SystemTime::now(), out),
            Self::Header(source, choice) => return write_header(*source, choice, state, out),
            Self::PathWithoutQuery => {
                let headers = state.request_headers.borrow();
                let path = headers
                    .get("x-envoy-original-path")
                    .or_else(|| headers.get(":path"))?;
                let path = path.split(|byte| *byte == b'?').next()?;
                return write_text(path, out);
            }
            Self::Stream(field) => return field.write(state, out),
            Self::Connection(field) => return field.write(&state.connection, out),
            Self::Upstream(field) => return field.write(&state.info.upstream, out),
            Self::Duration(span) => return write_display(&span.milliseconds(state)?, out),
            Self::ResponseCodeDetails { keep_whitespace } => {
                let details = state.info.response_code_details.borrow();
                let details = details.as_deref()?;
                if *keep_whitespace {
                    return write_text(details.as_bytes(), out);
                }
                return write_text(details.replace(char::is_whitespace, "_").as_bytes(), out);
            }
            Self::GrpcStatus { as_number } => return write_grpc_status(*as_number, state, out),
            Self::FilterState {
                key,
                plain,
                max_length,
            } => {
                let value = state.filter_state.get(key.as_bytes())?.value;
                let text = if *plain {
                    value.to_vec()
                } else {
                    quoted_base64(&value)
                };
                return write_text(truncated(&text, *max_length), out);
            }
            Self::Constant(value) => return write_text(value.as_ref()?.as_bytes(), out),
        }
        Some(())
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) -> Written {
    out.extend_from_slice(text);
    Some(())
}

fn write_display(value: &dyn Display, out: &mut Vec<u8>) -> Written {
    write!(out, "{value}").ok()
}

fn truncated(value: &[u8], max_length: Option<usize>) -> &[u8] {
    max_length
        .and_then(|length| value.get(..length))
        .unwrap_or(value)
}

fn write_header(
    source: Source,
    choice: &HeaderChoice,
    state: &StreamState,
    out: &mut Vec<u8>,
) -> Written {
    let write = |headers: &HeaderTable, out: &mut Vec<u8>| {
        let first = headers.get(&choice.name);
        let value = first.or_else(|| headers.get(choice.alternative.as_deref()?))?;
        write_text(truncated(value, choice.max_length), out)
    };
    match source {
        Source::Request => write(&state.request_headers.borrow(), out),
        Source::Response => write(state.response_headers.borrow().as_ref()?, out),
        Source::ResponseTrailers => write(state.response_trailers.borrow().as_ref()?, out),
    }
}

/// The status of a gRPC call: from the trailers, else from the headers.
fn write_grpc_status(as_number: bool, state: &StreamState, out: &mut Vec<u8>) -> Written {
    if !crate::route::is_grpc_request(&state.request_headers.borrow()) {
        return None;
    }
    let status = |headers: &HeaderTable| -> Option<u32> {
        std::str::from_utf8(headers.get("grpc-status")?)
            .ok()?
            .parse()
            .ok()
    };
    let trailers = state.response_trailers.borrow();
    let from_trailers = trailers.as_deref().and_then(status);
    let headers = state.response_headers.borrow();
    let status = from_trailers.or_else(|| headers.as_ref().and_then(status))?;
    let name = if as_number {
        None
    } else {
        grpc_status_name(status)
    };
    match name {
        Some(name) => write_text(name.as_bytes(), out),
        None => write_display(&status, out),
    }
}

fn grpc_status_name(status: u32) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    NAMES.get(usize::try_from(status).ok()?).copied()
}

impl StreamField {
    fn write(self, state: &StreamState, out: &mut Vec<u8>) -> Written {
        let info = &state.info;
        match self {
            Self::Protocol => write_text(info.protocol_name()?.as_bytes(), out),
            Self::ResponseCode => write_display(&info.response_code.get().unwrap_or(0), out),
            Self::ResponseFlags => write_display(&info.response_flags.get(), out),
            Self::ResponseFlagsLong => {
                write_text(info.response_flags.get().long_names().as_bytes(), out)
            }
            Self::BytesReceived => write_display(&info.bytes_received.get(), out),
            Self::BytesSent => write_display(&info.bytes_sent.get(), out),
            Self::RequestHeadersBytes => {
                write_display(&state.request_headers.borrow().byte_size(), out)
            }
            Self::ResponseHeadersBytes => {
                let headers = state.response_headers.borrow();
                write_display(&headers.as_ref().map_or(0, HeaderTable::byte_size), out)
            }
            Self::ResponseTrailersBytes => {
                let trailers = state.response_trailers.borrow();
                write_display(&trailers.as_deref().map_or(0, HeaderTable::byte_size), out)
            }
            Self::RouteName => {
                let route = state.selected_route()?;
                write_text(
                    Some(route.name())
                        .filter(|name| !name.is_empty())?
                        .as_bytes(),
                    out,
                )
            }
            Self::StreamId => write_text(state.request_headers.borrow().get("x-request-id")?, out),
            Self::ConnectionTerminationDetails => {
                let details = info.connection_termination_details.borrow();
                write_text(details.as_deref()?.as_bytes(), out)
            }
            Self::RemoteAddress(part) => part.write(info.remote_address.get(), out),
        }
    }
}

impl ConnectionField {
    fn write(self, connection: &ConnectionInfo, out: &mut Vec<u8>) -> Written {
        let text = |text: &str, out: &mut Vec<u8>| {
            write_text(Some(text).filter(|text| !text.is_empty())?.as_bytes(), out)
        };
        match self {
            Self::Id => write_display(&connection.id, out),
            Self::DirectRemoteAddress(part) => part.write(connection.remote_address, out),
            Self::LocalAddress(part) => part.write(connection.local_address, out),
            Self::RequestedServerName => text(connection.requested_server_name.as_deref()?, out),
            Self::FilterChainName => text(&connection.filter_chain_name, out),
            Self::ListenerName => text(&connection.listener.name, out),
            Self::TransportFailureReason => {
                text(connection.transport_failure_reason.as_deref()?, out)
            }
            Self::Tls(field) => text(&field.value(connection.tls.as_ref()?)?, out),
        }
    }
}

impl TlsField {
    fn value(self, tls: &TlsInfo) -> Option<String> {
        let (peer, local) = (tls.peer.as_ref(), tls.local.as_ref());
        match self {
            Self::Version => Some(tls.version.clone()),
            Self::Cipher => Some(tls.cipher.clone()),
            Self::PeerSubject => Some(peer?.subject.clone()),
            Self::PeerIssuer => Some(peer?.issuer.clone()),
            Self::PeerSerial => Some(peer?.serial.clone()),
            Self::PeerFingerprint256 => Some(peer?.sha256.clone()),
            Self::PeerUriSan => Some(peer?.uri_sans.join(",")),
            Self::PeerDnsSan => Some(peer?.dns_sans.join(",")),
            Self::LocalSubject => Some(local?.subject.clone()),
            Self::LocalUriSan => Some(local?.uri_sans.join(",")),
            Self::LocalDnsSan => Some(local?.dns_sans.join(",")),
        }
    }
}

impl UpstreamField {
    fn write(self, upstream: &UpstreamInfo, out: &mut Vec<u8>) -> Written {
        match self {
            Self::Host => AddressPart::Whole.write(upstream.address.get()?, out),
            Self::HostName => match upstream.hostname.borrow().as_deref() {
                Some(name) if !name.is_empty() => write_text(name.as_bytes(), out),
                Some(_) | None => AddressPart::Whole.write(upstream.address.get()?, out),
            },
            Self::RemoteAddress(part) => {
                upstream.connection_id.get()?;
                part.write(upstream.address.get()?, out)
            }
            Self::LocalAddress(part) => part.write(upstream.local_address.get()?, out),
            Self::Cluster => write_text(upstream.cluster_name.borrow().as_ref()?.as_bytes(), out),
            Self::Protocol => {
                let name = crate::filter::protocol_name(upstream.protocol.get()?);
                write_text(name.as_bytes(), out)
            }
            Self::Attempts => write_display(&upstream.attempts.get(), out),
            Self::ConnectionId => write_display(&upstream.connection_id.get().unwrap_or(0), out),
            Self::TransportFailureReason => {
                let reason = upstream.transport_failure_reason.borrow();
                write_text(
                    reason
                        .as_ref()?
                        .replace(char::is_whitespace, "_")
                        .as_bytes(),
                    out,
                )
            }
            Self::TlsVersion => write_text(upstream.tls.borrow().as_ref()?.version.as_bytes(), out),
            Self::TlsCipher => write_text(upstream.tls.borrow().as_ref()?.cipher.as_bytes(), out),
        }
    }
}

impl AddressPart {
    fn write(self, address: SocketAddr, out: &mut Vec<u8>) -> Written {
        match self {
            Self::Whole => write_display(&address, out),
            Self::WithoutPort => write_display(&address.ip(), out),
            Self::Port => write_display(&address.port(), out),
        }
    }
}

impl Span {
    fn milliseconds(self, state: &StreamState) -> Option<u128> {
        let times = &state.info.times;
        let start = Some(state.info.start);
        let (from, to): (Option<Instant>, Option<Instant>) = match self {
            Self::Stream => (start, times.end.get()),
            Self::Request => (start, times.last_downstream_rx.get()),
            Self::Response => (start, times.first_upstream_rx.get()),
            Self::ResponseTx => (
                times.first_upstream_rx.get(),
                times.last_downstream_tx.get(),
            ),
        };
        Some(to?.saturating_duration_since(from?).as_millis())
    }
}

/// Bytes as the JSON form of a protobuf `BytesValue`.
fn quoted_base64(bytes: &[u8]) -> Vec<u8> {
    format!("\"{}\"", base64::encode(bytes)).into_bytes()
}
