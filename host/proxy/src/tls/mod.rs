//! TLS towards clients and upstreams, with rustls and ring, deciding as Envoy does.

mod client;
mod credentials;
mod facts;
mod server;
#[cfg(test)]
mod tests;
mod verifier;

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{self, SupportedProtocolVersion, version};

pub(crate) use client::{client_certificate, client_config};
pub(crate) use facts::client_facts;
pub(crate) use server::ServerTls;

/// Versions in use; Envoy's defaults too.
const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// TLS settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// There is nothing to show to clients.
    #[error("a listener with TLS needs a certificate")]
    NoCertificate,
    /// A PEM text has no certificate in it.
    #[error("{what}: no certificate found in PEM")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// A PEM text is broken.
    #[error("{what}: {reason}")]
    Pem {
        /// Which text.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A CA certificate cannot be used.
    #[error("trusted_ca: {0}")]
    TrustedCa(#[source] rustls::Error),
    /// A key is of no known kind, or not the certificate's.
    #[error("private_key: {0}")]
    PrivateKey(#[source] rustls::Error),
    /// A name that certificates can be compared with is none.
    #[error("subject alternative name `{0}` is neither a DNS name nor an IP address")]
    SubjectAltName(String),
    /// rustls refuses the combination.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// rustls refuses the way clients are verified.
    #[error("trusted_ca: {0}")]
    ClientVerifier(#[from] rustls::server::VerifierBuilderError),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
