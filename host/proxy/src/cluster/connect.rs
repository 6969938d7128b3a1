//! Making connections: TCP, then TLS, both within the cluster's connect timeout.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::connection::ConnectionFacts;
use super::endpoint::Endpoint;
use super::error::UpstreamError;
use crate::filter::{Certificate, TlsInfo};
use crate::tls;
use crate::transport::Transport;

/// TLS towards the endpoints of a cluster.
#[derive(Clone)]
pub(super) struct UpstreamTlsContext {
    /// Versions, certificates and ALPN.
    pub(super) config: Arc<ClientConfig>,
    /// Name to ask for; without one, the endpoint's address stands in and is not sent.
    pub(super) server_name: Option<ServerName<'static>>,
    /// Our own certificate, if there is one.
    pub(super) certificate: Option<Certificate>,
}

/// Connects to an endpoint.
pub(super) async fn connect(
    endpoint: &Endpoint,
    context: Option<&UpstreamTlsContext>,
) -> Result<(Transport, ConnectionFacts), UpstreamError> {
    let stream = TcpStream::connect(endpoint.address)
        .await
        .map_err(|error| {
            tracing::debug!(address = %endpoint.address, %error, "upstream connection failed");
            let reason = format!("delayed connect error: {}", system_text(&error));
            UpstreamError::ConnectFailure {
                transport: Some(reason),
            }
        })?;
    // Without it small requests wait for the peer's delayed acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let mut facts = ConnectionFacts::of(&stream);
    let Some(context) = context else {
        return Ok((Transport::Plain(stream), facts));
    };
    let name = context
        .server_name
        .clone()
        .unwrap_or_else(|| endpoint.address.ip().into());
    let stream = TlsConnector::from(Arc::clone(&context.config))
        .connect(name, stream)
        .await
        .map_err(|error| tls_failure(&error))?;
    facts.tls = Some(Rc::new(TlsInfo {
        local: context.certificate.clone(),
        ..tls::client_facts(stream.get_ref().1)
    }));
    Ok((Transport::Client(Box::new(stream)), facts))
}

/// What the system calls an error, without its number: Envoy's words.
fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

fn tls_failure(error: &io::Error) -> UpstreamError {
    UpstreamError::ConnectFailure {
        transport: Some(format!("TLS_error: {error}")),
    }
}
