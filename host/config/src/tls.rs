//! TLS contexts, with their files already read.

use bytes::Bytes;

/// A certificate chain and its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The chain, leaf first.
    pub chain: Bytes,
    /// The private key.
    pub private_key: Bytes,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// `envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownstreamTls {
    /// Certificates; the first that fits the SNI is used.
    pub certificates: Vec<Certificate>,
    /// CA certificates (PEM) that client certificates are checked against.
    pub trusted_ca: Option<Bytes>,
    /// Whether a client without certificate is refused.
    pub require_client_certificate: bool,
    /// ALPN protocols in order of preference.
    pub alpn_protocols: Vec<String>,
}

/// `envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Server name to send; empty for none.
    pub sni: String,
    /// CA certificates (PEM) that the upstream is checked against; `None`, as in Envoy, checks
    /// nothing.
    pub trusted_ca: Option<Bytes>,
    /// DNS or IP subject alternative names, one of which the certificate must have; empty for any.
    pub subject_alt_names: Vec<String>,
    /// Certificate to show.
    pub certificate: Option<Certificate>,
    /// ALPN protocols.
    pub alpn_protocols: Vec<String>,
}
