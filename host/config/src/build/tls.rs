//! TLS contexts, their files read.

use bytes::Bytes;

use super::{Reported, data_source};
use crate::view::View;
use crate::{Certificate, DownstreamTls, UpstreamTls};

const RAW_BUFFER: &str = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";

/// Reads the transport socket of a filter chain; `None` is plain text.
pub(super) fn downstream(socket: &View<'_>) -> Result<Option<DownstreamTls>, Reported> {
    let Some(context) = context(socket, "DownstreamTlsContext")? else {
        return Ok(None);
    };
    if context.enumerator("ocsp_staple_policy") != "LENIENT_STAPLING" {
        context.unsupported("ocsp_staple_policy", "OCSP stapling");
    }
    let common = Common::build(&context).ok_or(Reported)?;
    if common.certificates.is_empty() {
        let field = "common_tls_context";
        context.error(field, "no TLS certificates found for server context");
        return Err(Reported);
    }
    if !common.subject_alt_names.is_empty() {
        let field = "common_tls_context.validation_context.match_typed_subject_alt_names";
        context.unsupported(field, "subject alternative names of clients");
    }
    let require = context
        .bool_value("require_client_certificate")
        .unwrap_or(false);
    Ok(Some(DownstreamTls {
        certificates: common.certificates,
        trusted_ca: common.trusted_ca,
        require_client_certificate: require,
        alpn_protocols: common.alpn_protocols,
    }))
}

/// Reads the transport socket of a cluster; `None` is plain text.
pub(super) fn upstream(socket: &View<'_>) -> Result<Option<UpstreamTls>, Reported> {
    let Some(context) = context(socket, "UpstreamTlsContext")? else {
        return Ok(None);
    };
    let common = Common::build(&context).ok_or(Reported)?;
    if common.certificates.len() > 1 {
        let reason = "multiple TLS certificates are not supported for client contexts";
        context.error("common_tls_context.tls_certificates", reason);
        return Err(Reported);
    }
    if common.trusted_ca.is_none() && !common.subject_alt_names.is_empty() {
        let field = "common_tls_context.validation_context.match_typed_subject_alt_names";
        context.error(
            field,
            "SAN-based verification needs a `trusted_ca`; without one it is insecure",
        );
        return Err(Reported);
    }
    Ok(Some(UpstreamTls {
        sni: context.text("sni").to_owned(),
        trusted_ca: common.trusted_ca,
        subject_alt_names: common.subject_alt_names,
        certificate: common.certificates.into_iter().next(),
        alpn_protocols: common.alpn_protocols,
    }))
}

/// Returns the TLS context of the wanted side, or `None` for plain text.
fn context<'a>(socket: &View<'a>, wanted: &str) -> Result<Option<View<'a>>, Reported> {
    let config = socket.extension("a transport socket").ok_or(Reported)?;
    let name = config.type_name();
    if name == RAW_BUFFER {
        return Ok(None);
    }
    match name.strip_prefix("envoy.extensions.transport_sockets.tls.v3.") {
        Some(side) if side == wanted => Ok(Some(config)),
        Some(side) => {
            socket.error(
                "typed_config",
                format!("{side} cannot stand here; expected {wanted}"),
            );
            Err(Reported)
        }
        None => {
            socket.unsupported("typed_config", &format!("the transport socket {name}"));
            Err(Reported)
        }
    }
}

#[derive(Default)]
struct Common {
    certificates: Vec<Certificate>,
    trusted_ca: Option<Bytes>,
    subject_alt_names: Vec<String>,
    alpn_protocols: Vec<String>,
}

impl Common {
    fn build(context: &View<'_>) -> Option<Self> {
        let Some(view) = context.child("common_tls_context") else {
            return Some(Self::default());
        };
        check_versions(&view);
        let certificates = view.children("tls_certificates");
        let certificates: Vec<_> = certificates.iter().map(certificate).collect();
        let validation = view.child("validation_context");
        let trusted_ca = validation.as_ref().and_then(|one| one.child("trusted_ca"));
        let trusted_ca = match trusted_ca {
            Some(source) => pem(&source, &["CERTIFICATE"]).map(Some),
            None => Some(None),
        };
        let names = validation
            .iter()
            .flat_map(|one| one.children("match_typed_subject_alt_names"));
        let names: Vec<_> = names.map(|name| subject_alt_name(&name)).collect();
        Some(Self {
            certificates: certificates.into_iter().collect::<Option<_>>()?,
            trusted_ca: trusted_ca?,
            subject_alt_names: names.into_iter().collect::<Option<_>>()?,
            alpn_protocols: view
                .texts("alpn_protocols")
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
    }
}

/// TLS 1.2 and 1.3 are spoken, and neither can be turned off.
fn check_versions(common: &View<'_>) {
    let Some(parameters) = common.child("tls_params") else {
        return;
    };
    match parameters
        .enumerator("tls_minimum_protocol_version")
        .as_str()
    {
        "TLSv1_0" | "TLSv1_1" => parameters.warning(
            "tls_minimum_protocol_version",
            "Tollgate speaks TLS 1.2 and later only",
        ),
        "TLSv1_3" => parameters.unsupported("tls_minimum_protocol_version", "refusing TLS 1.2"),
        _ => {}
    }
    if !matches!(
        parameters
            .enumerator("tls_maximum_protocol_version")
            .as_str(),
        "TLS_AUTO" | "TLSv1_3"
    ) {
        parameters.unsupported("tls_maximum_protocol_version", "refusing TLS 1.3");
    }
}

fn certificate(view: &View<'_>) -> Option<Certificate> {
    let (chain, key) = (view.child("certificate_chain"), view.child("private_key"));
    let (Some(chain), Some(key)) = (chain, key) else {
        view.error(
            "",
            "a certificate needs both `certificate_chain` and `private_key`",
        );
        return None;
    };
    let chain = pem(&chain, &["CERTIFICATE"]);
    let private_key = pem(&key, &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);
    Some(Certificate {
        chain: chain?,
        private_key: private_key?,
    })
}

/// Reads PEM text that holds one of the wanted sections.
fn pem(source: &View<'_>, wanted: &[&str]) -> Option<Bytes> {
    let bytes = data_source::read(source)?;
    let text = String::from_utf8_lossy(&bytes);
    if wanted
        .iter()
        .any(|name| text.contains(&format!("-----BEGIN {name}-----")))
    {
        return Some(bytes);
    }
    let [first, ..] = wanted else { return None };
    source.error("", format!("holds no PEM section `{first}`"));
    None
}

fn subject_alt_name(view: &View<'_>) -> Option<String> {
    let matcher = view.child("matcher")?;
    let kind = view.enumerator("san_type");
    if !matches!(kind.as_str(), "DNS" | "IP_ADDRESS") {
        view.unsupported("san_type", &format!("`{kind}`"));
        return None;
    }
    if matcher.oneof("match_pattern").as_deref() != Some("exact") {
        view.unsupported("matcher", "subject alternative names by other than `exact`");
        return None;
    }
    Some(matcher.text("exact").to_owned())
}
