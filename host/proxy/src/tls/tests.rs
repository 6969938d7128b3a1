//! Handshakes in memory, both sides being ours.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, Error, ServerConnection,
};
use tollgate_config::{Certificate, DownstreamTls, UpstreamProtocol, UpstreamTls};

use super::facts::common_facts;
use super::{ServerTls, TlsError, client_config};

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca() -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "test ca");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(ca: &Ca, names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    signed(ca, &CertificateParams::new(names).unwrap())
}

fn signed(ca: &Ca, params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    Certificate {
        chain: certificate.pem().into(),
        private_key: key.serialize_pem().into(),
    }
}

fn downstream(certificates: Vec<Certificate>) -> DownstreamTls {
    DownstreamTls {
        certificates,
        trusted_ca: None,
        require_client_certificate: false,
        alpn_protocols: Vec::new(),
    }
}

fn upstream(sni: &str) -> UpstreamTls {
    UpstreamTls {
        sni: sni.to_owned(),
        trusted_ca: None,
        subject_alt_names: Vec::new(),
        certificate: None,
        alpn_protocols: Vec::new(),
    }
}

struct Pair {
    client: ClientConnection,
    server: ServerConnection,
}

/// Shakes hands; the error is the first that either side reports.
fn shake(server: &ServerTls, config: Arc<ClientConfig>, name: &str) -> Result<Pair, Error> {
    let name = ServerName::try_from(name.to_owned()).map_err(|_| Error::UnsupportedNameType)?;
    let mut client = ClientConnection::new(config, name)?;
    let mut acceptor = Acceptor::default();
    feed(&mut written_by(&mut client).as_slice(), |bytes| {
        drop(acceptor.read_tls(bytes));
        Ok(())
    })?;
    let accepted = acceptor.accept().map_err(|(error, _)| error)?;
    let accepted = accepted.ok_or(Error::HandshakeNotComplete)?;
    let config = server.config_for(&accepted.client_hello());
    let mut server = accepted
        .into_connection(config)
        .map_err(|(error, _)| error)?;
    for _ in 0..10 {
        feed(&mut written_by(&mut server).as_slice(), |bytes| {
            drop(client.read_tls(bytes));
            client.process_new_packets().map(drop)
        })?;
        feed(&mut written_by(&mut client).as_slice(), |bytes| {
            drop(server.read_tls(bytes));
            server.process_new_packets().map(drop)
        })?;
    }
    if client.is_handshaking() || server.is_handshaking() {
        return Err(Error::HandshakeNotComplete);
    }
    Ok(Pair { client, server })
}

fn written_by<D>(connection: &mut ConnectionCommon<D>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).unwrap();
    }
    bytes
}

fn feed(
    bytes: &mut &[u8],
    mut take: impl FnMut(&mut &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    while !bytes.is_empty() {
        take(bytes)?;
    }
    Ok(())
}

fn connect(server: &DownstreamTls, client: &UpstreamTls) -> Result<Pair, Error> {
    let server = ServerTls::new(server).map_err(|error| Error::General(error.to_string()))?;
    let config = client_config(client, UpstreamProtocol::Http1)
        .map_err(|error| Error::General(error.to_string()))?;
    let name = if client.sni.is_empty() {
        "127.0.0.1"
    } else {
        &client.sni
    };
    shake(&server, config, name)
}

fn shown_names(pair: &Pair) -> Vec<String> {
    common_facts(&pair.client).peer.unwrap().dns_sans
}

#[test]
fn without_a_ca_an_upstream_is_not_verified() {
    let server = downstream(vec![certificate(&ca(), &["other.example"])]);
    assert!(connect(&server, &upstream("a.example")).is_ok());
}

#[test]
fn an_upstream_signed_by_someone_else_is_refused() {
    let server = downstream(vec![certificate(&ca(), &["a.example"])]);
    let trusted_ca = Some(ca().pem().into());
    let client = UpstreamTls {
        trusted_ca,
        ..upstream("a.example")
    };
    let error = connect(&server, &client).err().unwrap().to_string();
    assert!(
        error.contains("UnknownIssuer") || error.contains("BadSignature"),
        "{error}"
    );
}

#[test]
fn a_ca_alone_does_not_check_the_name() {
    let ca = ca();
    let server = downstream(vec![certificate(&ca, &["other.example"])]);
    let trusted_ca = Some(ca.pem().into());
    let client = UpstreamTls {
        trusted_ca,
        ..upstream("a.example")
    };
    assert!(connect(&server, &client).is_ok());
}

#[test]
fn one_of_the_configured_names_must_be_in_the_certificate() {
    let ca = ca();
    let server = downstream(vec![certificate(&ca, &["*.test.example", "10.0.0.1"])]);
    let with_names = |names: &[&str]| UpstreamTls {
        trusted_ca: Some(ca.pem().into()),
        subject_alt_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..upstream("a.example")
    };
    assert!(connect(&server, &with_names(&["x.test", "a.test.example"])).is_ok());
    assert!(connect(&server, &with_names(&["10.0.0.1"])).is_ok());
    assert!(connect(&server, &with_names(&["x.test"])).is_err());
}

#[test]
fn the_certificate_is_chosen_by_the_name_asked_for() {
    let ca = ca();
    let server = downstream(vec![
        certificate(&ca, &["first.example"]),
        certificate(&ca, &["*.example"]),
        certificate(&ca, &["exact.example"]),
    ]);
    for (asked, expected) in [
        ("exact.example", "exact.example"),
        ("some.example", "*.example"),
        ("a.b.example", "first.example"),
        ("unknown.test", "first.example"),
        ("", "first.example"),
    ] {
        let pair = connect(&server, &upstream(asked)).unwrap();
        assert_eq!(shown_names(&pair), [expected], "{asked}");
        let local = ServerTls::new(&server)
            .unwrap()
            .facts(&pair.server)
            .local
            .unwrap();
        assert_eq!(local.dns_sans, [expected], "{asked}");
    }
}

#[test]
fn a_required_client_certificate_must_be_there() {
    let ca = ca();
    let server = DownstreamTls {
        trusted_ca: Some(ca.pem().into()),
        require_client_certificate: true,
        ..downstream(vec![certificate(&ca, &["a.example"])])
    };
    assert!(connect(&server, &upstream("a.example")).is_err());
    let own = Some(certificate(&ca, &["client.example"]));
    assert!(
        connect(
            &server,
            &UpstreamTls {
                certificate: own,
                ..upstream("a.example")
            }
        )
        .is_ok()
    );
}

#[test]
fn an_optional_client_certificate_must_be_good_if_it_is_there() {
    let good = ca();
    let server = DownstreamTls {
        trusted_ca: Some(good.pem().into()),
        ..downstream(vec![certificate(&good, &["a.example"])])
    };
    assert!(connect(&server, &upstream("a.example")).is_ok());
    let bad = Some(certificate(&ca(), &["client.example"]));
    let client = UpstreamTls {
        certificate: bad,
        ..upstream("a.example")
    };
    assert!(connect(&server, &client).is_err());
}

#[test]
fn without_a_ca_a_required_certificate_may_be_anyones() {
    let server = DownstreamTls {
        require_client_certificate: true,
        ..downstream(vec![certificate(&ca(), &["a.example"])])
    };
    assert!(connect(&server, &upstream("a.example")).is_err());
    let own = Some(certificate(&ca(), &["client.example"]));
    assert!(
        connect(
            &server,
            &UpstreamTls {
                certificate: own,
                ..upstream("a.example")
            }
        )
        .is_ok()
    );
}

#[test]
fn facts_of_a_connection_are_in_openssls_words() {
    let ca = ca();
    let mut params = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    params
        .subject_alt_names
        .push(SanType::URI("spiffe://a/b".try_into().unwrap()));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Tollgate, Inc");
    params.distinguished_name.push(DnType::CommonName, "client");
    params.serial_number = Some(vec![0x0a, 0xbc].into());
    let server = DownstreamTls {
        trusted_ca: Some(ca.pem().into()),
        alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ..downstream(vec![certificate(&ca, &["a.example"])])
    };
    let own = Some(signed(&ca, &params));
    let client = UpstreamTls {
        certificate: own,
        ..upstream("a.example")
    };
    let pair = connect(&server, &client).unwrap();
    let facts = ServerTls::new(&server).unwrap().facts(&pair.server);
    assert_eq!(
        (facts.version.as_str(), facts.alpn.as_deref()),
        ("TLSv1.3", Some("http/1.1"))
    );
    assert!(facts.cipher.starts_with("TLS_"), "{}", facts.cipher);
    let peer = facts.peer.unwrap();
    assert_eq!(peer.subject, r"CN=client,O=Tollgate\, Inc,C=DE");
    assert_eq!(peer.issuer, "CN=test ca");
    assert_eq!(peer.serial, "0abc");
    assert_eq!(peer.uri_sans, ["spiffe://a/b"]);
    assert_eq!(peer.dns_sans, ["client.example"]);
    assert_eq!(peer.sha256.len(), 64);
}

#[test]
fn protocols_that_nobody_shares_are_left_out() {
    let server = DownstreamTls {
        alpn_protocols: vec!["h2".to_owned()],
        ..downstream(vec![certificate(&ca(), &["a.example"])])
    };
    let pair = connect(&server, &upstream("a.example")).unwrap();
    assert_eq!(common_facts(&pair.client).alpn, None);
}

#[test]
fn an_http2_cluster_offers_h2() {
    let server = DownstreamTls {
        alpn_protocols: vec!["http/1.1".to_owned(), "h2".to_owned()],
        ..downstream(vec![certificate(&ca(), &["a.example"])])
    };
    let client = client_config(&upstream("a.example"), UpstreamProtocol::Http2).unwrap();
    let pair = shake(&ServerTls::new(&server).unwrap(), client, "a.example").unwrap();
    assert_eq!(common_facts(&pair.client).alpn.as_deref(), Some("h2"));
}

#[test]
fn bad_settings_are_named() {
    let ca = ca();
    let good = certificate(&ca, &["a.example"]);
    let with = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = good.clone();
        change(&mut certificate);
        ServerTls::new(&downstream(vec![certificate]))
            .unwrap_err()
            .to_string()
    };
    let no_chain = with(&|certificate| certificate.chain = "nothing".into());
    assert_eq!(no_chain, "certificate_chain: no certificate found in PEM");
    let no_key = with(&|certificate| certificate.private_key = "".into());
    assert!(no_key.starts_with("private_key: "), "{no_key}");
    let other = certificate(&ca, &["b.example"]);
    let wrong_key = with(&|certificate| certificate.private_key = other.private_key.clone());
    assert!(wrong_key.starts_with("private_key: "), "{wrong_key}");
    let none = ServerTls::new(&downstream(Vec::new())).unwrap_err();
    assert!(matches!(none, TlsError::NoCertificate));
    let names = vec!["not a name".to_owned()];
    let bad_name = UpstreamTls {
        subject_alt_names: names,
        ..upstream("a")
    };
    assert!(client_config(&bad_name, UpstreamProtocol::Http1).is_err());
}
