//! TLS towards clients: which certificate is shown, and which is asked for.

use std::sync::Arc;

use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};
use tollgate_config::DownstreamTls;

use super::credentials::{certified_key, roots};
use super::facts::{certificate_facts, common_facts};
use super::verifier::AnyClientVerifier;
use super::{TlsError, VERSIONS, provider};
use crate::filter::{Certificate, TlsInfo};

/// The TLS settings of a filter chain.
#[derive(Clone, Debug)]
pub(crate) struct ServerTls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

/// Certificates to show, in order of preference.
#[derive(Debug)]
struct Certificates(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    key: Arc<CertifiedKey>,
    facts: Certificate,
    /// The names it is for, in lower case.
    names: Vec<String>,
}

impl ServerTls {
    /// Returns the settings of a filter chain.
    ///
    /// # Errors
    ///
    /// When there is no certificate, or something cannot be used.
    pub(crate) fn new(config: &DownstreamTls) -> Result<Self, TlsError> {
        let provider = provider();
        let keys = config.certificates.iter();
        let entries = keys.map(|certificate| certified_key(certificate, &provider).map(Entry::new));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let certificates = Arc::new(Certificates(entries));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&VERSIONS)?
            .with_client_cert_verifier(client_verifier(config)?)
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        let protocols = config.alpn_protocols.iter();
        server.alpn_protocols = protocols.map(|name| name.clone().into_bytes()).collect();
        Ok(Self {
            config: Arc::new(server),
            certificates,
        })
    }

    /// Returns the settings for a client. One that offers only protocols we do not speak goes on
    /// without ALPN, as with Envoy, where rustls alone would end the connection.
    pub(crate) fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let ours = &self.config.alpn_protocols;
        let agrees = hello.alpn().is_none_or(|mut offered| {
            ours.is_empty() || offered.any(|protocol| ours.iter().any(|own| own == protocol))
        });
        if agrees {
            return Arc::clone(&self.config);
        }
        let mut without = ServerConfig::clone(&self.config);
        without.alpn_protocols.clear();
        Arc::new(without)
    }

    /// Returns the facts about a connection after its handshake.
    pub(crate) fn facts(&self, connection: &ServerConnection) -> TlsInfo {
        let shown = self.certificates.fitting(connection.server_name()).next();
        TlsInfo {
            local: shown
                .or_else(|| self.certificates.0.first())
                .map(|entry| entry.facts.clone()),
            ..common_facts(connection)
        }
    }
}

/// As in Envoy: with a CA a client may show a certificate, which then must be good; without one
/// any certificate will do, but it is asked for only where it is required.
fn client_verifier(config: &DownstreamTls) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(trusted_ca) = &config.trusted_ca else {
        return Ok(if config.require_client_certificate {
            Arc::new(AnyClientVerifier {
                provider: provider(),
            })
        } else {
            Arc::new(NoClientAuth)
        });
    };
    let roots = Arc::new(roots(trusted_ca)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let verifier = if config.require_client_certificate {
        verifier
    } else {
        verifier.allow_unauthenticated()
    };
    Ok(verifier.build()?)
}

impl Certificates {
    /// Returns the certificates for a name: the exact ones, then those with a wildcard.
    fn fitting<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = &'a Entry> {
        let exact = move |entry: &&Entry| name.is_some_and(|name| entry.is_for(name));
        let wildcard = move |entry: &&Entry| name.is_some_and(|name| entry.covers(name));
        self.0
            .iter()
            .filter(exact)
            .chain(self.0.iter().filter(wildcard))
    }
}

impl ResolvesServerCert for Certificates {
    /// Among the certificates for the name the first whose key the client can check; for a name
    /// that has none, or for no name, among all.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable = |entry: &&Entry| {
            entry
                .key
                .key
                .choose_scheme(hello.signature_schemes())
                .is_some()
        };
        let fitting = self.fitting(hello.server_name()).find(usable);
        let entry = fitting.or_else(|| self.0.iter().find(usable))?;
        Some(Arc::clone(&entry.key))
    }
}

impl Entry {
    fn new(key: Arc<CertifiedKey>) -> Self {
        let facts = key
            .cert
            .first()
            .map(|leaf| certificate_facts(leaf))
            .unwrap_or_default();
        let names = facts
            .dns_sans
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        Self { key, facts, names }
    }

    fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// A wildcard stands for one label.
    fn covers(&self, name: &str) -> bool {
        let Some((_, parent)) = name.split_once('.') else {
            return false;
        };
        let suffixes = self.names.iter().filter_map(|own| own.strip_prefix("*."));
        suffixes
            .into_iter()
            .any(|suffix| suffix.eq_ignore_ascii_case(parent))
    }
}
