//! `connection.*`, `source.*` and `destination.*`.

use std::net::SocketAddr;

use tollgate_runtime::{PropertyResult, PropertyValue};

use super::{address, attribute, int, scalar, some, text};
use crate::filter::{Certificate, ConnectionInfo, TlsInfo};

pub(super) fn property(connection: &ConnectionInfo, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let tls = connection.tls.as_ref();
    let value = match name {
        b"id" => PropertyValue::Uint(connection.id),
        b"mtls" => PropertyValue::Bool(tls.is_some_and(|tls| tls.peer.is_some())),
        b"requested_server_name" => text(
            connection
                .requested_server_name
                .as_deref()
                .unwrap_or_default(),
        ),
        b"transport_failure_reason" => {
            some(connection.transport_failure_reason.as_deref().map(text))?
        }
        name => some(tls.and_then(|tls| tls_property(tls, name)))?,
    };
    scalar(value, rest)
}

/// Attributes that downstream and upstream connections have in common.
pub(super) fn tls_property(tls: &TlsInfo, name: &[u8]) -> Option<PropertyValue> {
    let local = tls.local.as_ref();
    let peer = tls.peer.as_ref();
    let first = |sans: &[String]| sans.first().map(|san| text(san));
    match name {
        b"tls_version" => Some(text(&tls.version)),
        b"subject_local_certificate" => Some(text(local.map_or("", subject))),
        b"subject_peer_certificate" => Some(text(peer.map_or("", subject))),
        b"uri_san_local_certificate" => first(local.map_or(&[], |cert| &cert.uri_sans)),
        b"uri_san_peer_certificate" => first(peer.map_or(&[], |cert| &cert.uri_sans)),
        b"dns_san_local_certificate" => first(local.map_or(&[], |cert| &cert.dns_sans)),
        b"dns_san_peer_certificate" => first(peer.map_or(&[], |cert| &cert.dns_sans)),
        b"sha256_peer_certificate_digest" => peer.map(|cert| text(&cert.sha256)),
        b"peer_certificate" => peer.map(|cert| text(&cert.pem())),
        _ => None,
    }
}

fn subject(certificate: &Certificate) -> &str {
    &certificate.subject
}

pub(super) fn address_property(value: SocketAddr, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let value = match name {
        b"address" => address(value),
        b"port" => int(value.port()),
        _ => some(None)?,
    };
    scalar(value, rest)
}
