//! Facts about TLS connections and certificates, in Envoy's (that is, OpenSSL's) words.

use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    CipherSuite, ClientConnection, CommonState, ProtocolVersion, pki_types::CertificateDer,
};
use x509_parser::asn1_rs::Any;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::filter::{Certificate, TlsInfo};

/// Returns the facts about a connection to an upstream after its handshake.
pub(crate) fn client_facts(connection: &ClientConnection) -> TlsInfo {
    common_facts(connection)
}

/// Returns what both sides of a connection have in common.
pub(super) fn common_facts(connection: &CommonState) -> TlsInfo {
    let suite = connection.negotiated_cipher_suite();
    let peer = connection
        .peer_certificates()
        .and_then(|chain| chain.first());
    let alpn = connection.alpn_protocol();
    TlsInfo {
        version: version_name(connection.protocol_version()).to_owned(),
        cipher: suite
            .map(|suite| cipher_name(suite.suite()))
            .unwrap_or_default(),
        alpn: alpn.map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        peer: peer.map(|leaf| certificate_facts(leaf)),
        local: None,
    }
}

fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(_) | None => "",
    }
}

/// rustls has the registered names; OpenSSL has its own for TLS 1.2.
fn cipher_name(suite: CipherSuite) -> String {
    let name = match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => return format!("{other:?}"),
    };
    name.to_owned()
}

/// Returns what is told of a certificate. One that cannot be parsed has a digest only.
pub(super) fn certificate_facts(der: &CertificateDer<'_>) -> Certificate {
    let sha256 = hex(&Sha256::digest(der));
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Certificate {
            sha256,
            der: Bytes::copy_from_slice(der),
            ..Certificate::default()
        };
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let (mut dns_sans, mut uri_sans) = (Vec::new(), Vec::new());
    for name in names.unwrap_or_default() {
        match name {
            GeneralName::DNSName(name) => dns_sans.push((*name).to_owned()),
            GeneralName::URI(uri) => uri_sans.push((*uri).to_owned()),
            _ => {}
        }
    }
    Certificate {
        subject: rfc2253(certificate.subject()),
        issuer: rfc2253(certificate.issuer()),
        serial: hex(certificate.raw_serial())
            .trim_start_matches("00")
            .to_owned(),
        sha256,
        dns_sans,
        uri_sans,
        der: Bytes::copy_from_slice(der),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// Returns a name as RFC 2253 has it: the last part first.
fn rfc2253(name: &X509Name<'_>) -> String {
    let parts = name.iter_rdn().map(|rdn| {
        let attributes: Vec<String> = rdn.iter().map(attribute).collect();
        attributes.join("+")
    });
    let mut parts: Vec<String> = parts.collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let Some(short) = short_name(&oid) else {
        return format!("{oid}=#{}", dumped(attribute.attr_value()));
    };
    match attribute.as_str() {
        Ok(text) => format!("{short}={}", escaped(text)),
        Err(_) => format!("{short}=#{}", dumped(attribute.attr_value())),
    }
}

/// Names of attributes as OpenSSL shortens them.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.17" => "postalCode",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.46" => "dnQualifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// The DER form of a value in hexadecimal, for values that are not text.
fn dumped(value: &Any<'_>) -> String {
    use x509_parser::asn1_rs::ToDer as _;
    value
        .to_der_vec()
        .map(|der| hex(&der).to_ascii_uppercase())
        .unwrap_or_default()
}

/// Escapes what RFC 2253 wants escaped, and everything outside printable ASCII as bytes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (index, byte) in text.bytes().enumerate() {
        let is_edge_space = byte == b' ' && (index == 0 || index == last);
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'#' if index == 0 => out.push_str("\\#"),
            b' ' if is_edge_space => out.push_str("\\ "),
            0x20..=0x7e => out.push(char::from(byte)),
            other => {
                // Writing to a string does not fail.
                let _written = write!(out, "\\{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_a_name_are_escaped() {
        assert_eq!(escaped("a,b+c"), r"a\,b\+c");
        assert_eq!(escaped("#x "), r"\#x\ ");
        assert_eq!(escaped("é"), r"\C3\A9");
    }

    #[test]
    fn bytes_are_written_in_lower_case() {
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
