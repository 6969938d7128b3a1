//! `StreamInfo`: facts about a stream that access logs and properties tell.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Version;
use tollgate_config::{EndpointAttributes, ProtoMessage};

use super::filter_state::ConnectionState;
use crate::base64;
use crate::http::response_flags::ResponseFlags;

/// Facts about one stream, filled in as it goes.
#[derive(Debug)]
pub(crate) struct StreamInfo {
    /// When the stream began, by the calendar.
    pub(crate) start_time: SystemTime,
    /// When the stream began, for differences.
    pub(crate) start: Instant,
    /// HTTP version the client speaks.
    pub(crate) protocol: Version,
    /// The client's address: the peer's, or one that `x-forwarded-for` told.
    pub(crate) remote_address: Cell<SocketAddr>,
    /// Request body bytes received.
    pub(crate) bytes_received: Cell<u64>,
    /// Response body bytes sent.
    pub(crate) bytes_sent: Cell<u64>,
    /// Status sent to the client, once it is.
    pub(crate) response_code: Cell<Option<u16>>,
    /// Where the response came from, such as `via_upstream`.
    pub(crate) response_code_details: RefCell<Option<Cow<'static, str>>>,
    /// What went wrong.
    pub(crate) response_flags: Cell<ResponseFlags>,
    /// Why the proxy closed the connection, if it did.
    pub(crate) connection_termination_details: RefCell<Option<Cow<'static, str>>>,
    /// Milestones.
    pub(crate) times: StreamTimes,
    /// The upstream side.
    pub(crate) upstream: UpstreamInfo,
}

/// When things happened; `None` until they do.
#[derive(Debug, Default)]
pub(crate) struct StreamTimes {
    /// Last byte of the request received from the client.
    pub(crate) last_downstream_rx: Cell<Option<Instant>>,
    /// First byte sent upstream.
    pub(crate) first_upstream_tx: Cell<Option<Instant>>,
    /// Last byte sent upstream.
    pub(crate) last_upstream_tx: Cell<Option<Instant>>,
    /// First byte received from the upstream.
    pub(crate) first_upstream_rx: Cell<Option<Instant>>,
    /// Last byte received from the upstream.
    pub(crate) last_upstream_rx: Cell<Option<Instant>>,
    /// First byte sent to the client.
    pub(crate) first_downstream_tx: Cell<Option<Instant>>,
    /// Last byte sent to the client.
    pub(crate) last_downstream_tx: Cell<Option<Instant>>,
    /// The stream's end.
    pub(crate) end: Cell<Option<Instant>>,
}

/// The upstream side of a stream; of the last attempt where there were several.
#[derive(Debug, Default)]
pub(crate) struct UpstreamInfo {
    /// Address of the chosen endpoint.
    pub(crate) address: Cell<Option<SocketAddr>>,
    /// What is configured for plugins to read about it.
    pub(crate) attributes: RefCell<Option<Arc<EndpointAttributes>>>,
    /// Its name where it was resolved from one.
    pub(crate) hostname: RefCell<Option<Arc<str>>>,
    /// Our address on the upstream connection.
    pub(crate) local_address: Cell<Option<SocketAddr>>,
    /// Cluster the route chose.
    pub(crate) cluster_name: RefCell<Option<Arc<str>>>,
    /// Attempts made.
    pub(crate) attempts: Cell<u32>,
    /// HTTP version spoken upstream.
    pub(crate) protocol: Cell<Option<Version>>,
    /// Identifies the upstream connection in this process.
    pub(crate) connection_id: Cell<Option<u64>>,
    /// Why the transport failed, if it did.
    pub(crate) transport_failure_reason: RefCell<Option<String>>,
    /// Time until a connection was at hand.
    pub(crate) pool_ready: Cell<Option<Duration>>,
    /// Endpoints of the cluster when it was chosen from.
    pub(crate) endpoint_count: Cell<Option<usize>>,
    /// TLS of the upstream connection.
    pub(crate) tls: RefCell<Option<Rc<TlsInfo>>>,
}

/// Facts about a downstream connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    /// Unique in the process.
    pub(crate) id: u64,
    /// Our address.
    pub(crate) local_address: SocketAddr,
    /// The peer's address.
    pub(crate) remote_address: SocketAddr,
    /// Name the client asked for (SNI).
    pub(crate) requested_server_name: Option<String>,
    /// TLS facts; `None` on plain connections.
    pub(crate) tls: Option<TlsInfo>,
    /// Name of the filter chain; may be empty.
    pub(crate) filter_chain_name: String,
    /// The listener.
    pub(crate) listener: Rc<ListenerInfo>,
    /// Why the transport failed, if it did.
    pub(crate) transport_failure_reason: Option<String>,
    /// Values that filters share for the whole connection.
    pub(crate) state: Rc<ConnectionState>,
}

/// Facts about a listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListenerInfo {
    /// Its name.
    pub(crate) name: String,
    /// Envoy's traffic direction: 0 unspecified, 1 inbound, 2 outbound.
    pub(crate) direction: i64,
    /// Its metadata.
    pub(crate) metadata: ProtoMessage,
}

/// Facts about a TLS connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsInfo {
    /// Version as Envoy writes it, such as `TLSv1.3`.
    pub(crate) version: String,
    /// Name of the cipher suite.
    pub(crate) cipher: String,
    /// Protocol agreed by ALPN.
    pub(crate) alpn: Option<String>,
    /// The peer's certificate, if one was presented.
    pub(crate) peer: Option<Certificate>,
    /// Our certificate.
    pub(crate) local: Option<Certificate>,
}

/// What is told of a certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificate {
    /// Subject as RFC 2253 text.
    pub(crate) subject: String,
    /// Issuer as RFC 2253 text.
    pub(crate) issuer: String,
    /// Serial number in lower-case hexadecimal.
    pub(crate) serial: String,
    /// SHA-256 of the DER form in lower-case hexadecimal.
    pub sha256: String,
    /// DNS names.
    pub(crate) dns_sans: Vec<String>,
    /// URIs.
    pub(crate) uri_sans: Vec<String>,
    /// The certificate itself.
    pub(crate) der: Bytes,
}

/// Characters in a line of PEM.
const PEM_LINE: usize = 64;

impl Certificate {
    /// Returns the certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for (index, digit) in base64::encode(&self.der).chars().enumerate() {
            if index > 0 && index % PEM_LINE == 0 {
                text.push('\n');
            }
            text.push(digit);
        }
        text.push_str("\n-----END CERTIFICATE-----\n");
        text
    }
}

impl StreamInfo {
    /// Returns the facts at the start of a stream.
    #[must_use]
    pub(crate) fn new(
        start_time: SystemTime,
        start: Instant,
        protocol: Version,
        remote_address: SocketAddr,
    ) -> Self {
        Self {
            start_time,
            start,
            protocol,
            remote_address: Cell::new(remote_address),
            bytes_received: Cell::new(0),
            bytes_sent: Cell::new(0),
            response_code: Cell::new(None),
            response_code_details: RefCell::new(None),
            response_flags: Cell::new(ResponseFlags::default()),
            connection_termination_details: RefCell::new(None),
            times: StreamTimes::default(),
            upstream: UpstreamInfo::default(),
        }
    }

    /// Sets the details unless they are set.
    pub(crate) fn set_details_if_none(&self, details: impl Into<Cow<'static, str>>) {
        self.response_code_details
            .borrow_mut()
            .get_or_insert_with(|| details.into());
    }

    /// Returns the version as Envoy writes it, such as `HTTP/1.1` or `HTTP/2`; a TCP connection,
    /// which has the version 0.9 that nobody speaks, has none.
    #[must_use]
    pub(crate) fn protocol_name(&self) -> Option<&'static str> {
        (self.protocol != Version::HTTP_09).then(|| protocol_name(self.protocol))
    }
}

/// Returns a version as Envoy writes it.
pub(crate) fn protocol_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}
