//! Certificates and keys from PEM.

use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tollgate_config::Certificate;

use super::TlsError;

/// Reads a certificate with its key, which must belong together.
pub(super) fn certified_key(
    certificate: &Certificate,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates("certificate_chain", &certificate.chain)?;
    let key =
        PrivateKeyDer::from_pem_slice(&certificate.private_key).map_err(|error| TlsError::Pem {
            what: "private_key",
            reason: error.to_string(),
        })?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(TlsError::PrivateKey)?;
    Ok(Arc::new(key))
}

/// Reads the certificates that others are checked against.
pub(super) fn roots(trusted_ca: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates("trusted_ca", trusted_ca)? {
        store.add(certificate).map_err(TlsError::TrustedCa)?;
    }
    Ok(store)
}

pub(super) fn certificates(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| TlsError::Pem {
        what,
        reason: error.to_string(),
    })?;
    if found.is_empty() {
        return Err(TlsError::Empty { what });
    }
    Ok(found)
}
