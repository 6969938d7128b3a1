//! TLS towards upstreams.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tollgate_config::{UpstreamProtocol, UpstreamTls};

use super::credentials::{certificates, certified_key, roots};
use super::facts::certificate_facts;
use super::verifier::UpstreamVerifier;
use super::{TlsError, VERSIONS, provider};
use crate::filter::Certificate;

/// Returns the settings for the connections of a cluster. Without configured ALPN protocols the
/// cluster's own is offered.
///
/// # Errors
///
/// When certificates, keys or names cannot be used.
pub(crate) fn client_config(
    config: &UpstreamTls,
    protocol: UpstreamProtocol,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let names = config.subject_alt_names.iter().map(|name| {
        ServerName::try_from(name.clone()).map_err(|_| TlsError::SubjectAltName(name.clone()))
    });
    let verifier = UpstreamVerifier {
        provider: Arc::clone(&provider),
        roots: config.trusted_ca.as_deref().map(roots).transpose()?,
        names: names.collect::<Result<_, _>>()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut client = match &config.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let key = certified_key(certificate, &provider)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
    };
    client.enable_sni = !config.sni.is_empty();
    client.alpn_protocols = if config.alpn_protocols.is_empty() {
        vec![default_alpn(protocol).to_vec()]
    } else {
        let configured = config.alpn_protocols.iter();
        configured
            .map(|protocol| protocol.clone().into_bytes())
            .collect()
    };
    Ok(Arc::new(client))
}

/// Returns what is told of the certificate that is shown to upstreams, if there is one.
pub(crate) fn client_certificate(config: &UpstreamTls) -> Option<Certificate> {
    let chain = certificates("certificate_chain", &config.certificate.as_ref()?.chain).ok()?;
    chain.first().map(certificate_facts)
}

fn default_alpn(protocol: UpstreamProtocol) -> &'static [u8] {
    match protocol {
        UpstreamProtocol::Http1 => b"http/1.1",
        UpstreamProtocol::Http2 => b"h2",
    }
}
