//! Tests of callouts against scripted origins on loopback.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_config::{
    Cluster, ClusterDiscovery, DnsLookupFamily, Endpoint, HostAddress, LbPolicy, ProtoMessage,
    UpstreamProtocol,
};

use super::{CalloutError, HttpCallout, HttpCalloutResponse};
use crate::cluster::{ClusterManager, SharedClusters};
use crate::random::Random;
use crate::telemetry::{Hosts, Stats};

/// Runs a test as a worker runs: on one thread, with tasks that stay on it.
pub(crate) fn on_worker<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(test))
}

/// Returns clusters: `origin` at an address, and `empty` without endpoints.
pub(crate) fn clusters(origin: SocketAddr) -> Rc<ClusterManager> {
    clusters_speaking(UpstreamProtocol::Http1, origin)
}

/// As [`clusters`], with endpoints that speak this protocol.
pub(crate) fn clusters_speaking(
    protocol: UpstreamProtocol,
    origin: SocketAddr,
) -> Rc<ClusterManager> {
    let configs = [cluster("origin", &[origin]), cluster("empty", &[])];
    let configs = configs.map(|cluster| Cluster {
        protocol,
        ..cluster
    });
    let shared = SharedClusters::new(&configs, None).unwrap();
    let random = Rc::new(Random::default());
    Rc::new(ClusterManager::new(
        &shared,
        &random,
        &Stats::new(),
        &Hosts::default(),
        None,
    ))
}

fn cluster(name: &str, addresses: &[SocketAddr]) -> Cluster {
    let endpoint = |address: &SocketAddr| Endpoint {
        address: HostAddress::Ip(*address),
        hostname: String::new(),
        weight: 1,
        healthy: true,
        attributes: Arc::default(),
    };
    Cluster {
        name: name.to_owned(),
        discovery: ClusterDiscovery::Static,
        lb_policy: LbPolicy::RoundRobin,
        connect_timeout: Duration::from_secs(5),
        endpoints: addresses.iter().map(endpoint).collect(),
        protocol: UpstreamProtocol::Http1,
        tls: None,
        max_connections: 1024,
        max_pending_requests: 1024,
        max_requests: 1024,
        max_requests_per_connection: None,
        idle_timeout: None,
        dns_refresh_rate: Duration::from_secs(5),
        dns_lookup_family: DnsLookupFamily::Auto,
        http1_trailers: false,
        per_connection_buffer_limit_bytes: 1 << 20,
        metadata: ProtoMessage::default(),
    }
}

/// An origin that answers its only connection with these bytes once it has read a request's head,
/// and closes. Returns what it read.
pub(crate) async fn origin(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        head
    });
    (address, served)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        assert_ne!(
            stream.read_buf(&mut read).await.unwrap(),
            0,
            "the request ended early"
        );
    }
    String::from_utf8(read).unwrap()
}

fn callout(cluster: &str) -> HttpCallout {
    let headers = [
        (":method", "GET"),
        (":path", "/check"),
        (":authority", "auth.test"),
    ];
    HttpCallout {
        cluster: cluster.to_owned(),
        headers: headers
            .map(|(name, value)| (Bytes::from(name), Bytes::from(value)))
            .to_vec(),
        body: Bytes::new(),
        timeout: None,
        max_response_bytes: 64,
    }
}

/// An address where nobody listens.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

fn status_and_body(response: &HttpCalloutResponse) -> (String, String) {
    let HttpCalloutResponse::Complete { headers, body, .. } = response else {
        panic!("the callout was reset");
    };
    let (name, status) = &headers[0];
    assert_eq!(name, ":status");
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    (text(status), text(body))
}

#[test]
fn a_response_arrives_whole() {
    on_worker(async {
        let (address, served) =
            origin("HTTP/1.1 203 OK\r\ncontent-length: 5\r\nx-a: 1\r\n\r\nhello").await;
        let response = callout("origin").start(&clusters(address)).unwrap().await;
        assert_eq!(
            status_and_body(&response),
            ("203".to_owned(), "hello".to_owned())
        );
        let head = served.await.unwrap();
        assert!(head.starts_with("GET /check HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("host: auth.test\r\n"), "{head}");
        assert!(head.contains("x-envoy-internal: true\r\n"), "{head}");
        assert!(!head.contains("x-forwarded-for"), "{head}");
    });
}

#[test]
fn a_body_is_announced_with_its_length() {
    on_worker(async {
        let (address, served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let mut callout = callout("origin");
        callout.body = Bytes::from_static(b"question");
        callout.headers.push((
            Bytes::from_static(b"content-length"),
            Bytes::from_static(b"99"),
        ));
        let response = callout.start(&clusters(address)).unwrap().await;
        assert_eq!(status_and_body(&response).0, "200");
        let head = served.await.unwrap();
        assert!(head.contains("content-length: 8\r\n"), "{head}");
    });
}

#[test]
fn the_upstream_is_told_how_long_it_has() {
    on_worker(async {
        let (address, served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let mut callout = callout("origin");
        callout.timeout = Some(Duration::from_secs(5));
        let response = callout.start(&clusters(address)).unwrap().await;
        assert_eq!(status_and_body(&response).0, "200");
        let head = served.await.unwrap();
        assert!(
            head.contains("x-envoy-expected-rq-timeout-ms: 5000\r\n"),
            "{head}"
        );
    });
}

#[test]
fn a_refused_connection_is_a_503() {
    on_worker(async {
        let clusters = clusters(closed_port().await);
        let response = callout("origin").start(&clusters).unwrap().await;
        let (status, body) = status_and_body(&response);
        assert_eq!(status, "503");
        assert!(body.starts_with("upstream connect error or disconnect/reset before headers"));
    });
}

#[test]
fn silence_beyond_the_timeout_is_a_504() {
    on_worker(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut callout = callout("origin");
        callout.timeout = Some(Duration::from_millis(20));
        let clusters = clusters(listener.local_addr().unwrap());
        let response = callout.start(&clusters).unwrap().await;
        let expected = ("504".to_owned(), "upstream request timeout".to_owned());
        assert_eq!(status_and_body(&response), expected);
    });
}

#[test]
fn a_response_that_breaks_off_is_a_reset() {
    on_worker(async {
        let (address, _served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf").await;
        let response = callout("origin").start(&clusters(address)).unwrap().await;
        assert!(matches!(response, HttpCalloutResponse::Reset));
    });
}

#[test]
fn a_timeout_amid_the_body_is_a_reset() {
    on_worker(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf";
            stream.write_all(head).await.unwrap();
            std::future::pending::<()>().await;
        });
        let mut callout = callout("origin");
        callout.timeout = Some(Duration::from_millis(200));
        let response = callout.start(&clusters(address)).unwrap().await;
        assert!(matches!(response, HttpCalloutResponse::Reset));
    });
}

#[test]
fn a_body_beyond_the_limit_is_a_reset() {
    on_worker(async {
        let (address, _served) = origin(concat!(
            "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
            "12345678901234567890123456789012345678901234567890123456789012345"
        ))
        .await;
        let response = callout("origin").start(&clusters(address)).unwrap().await;
        assert!(matches!(response, HttpCalloutResponse::Reset));
    });
}

#[test]
fn trailers_are_kept() {
    on_worker(async {
        let answer = concat!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n",
            "3\r\none\r\n3\r\ntwo\r\n0\r\nx-t: 1\r\n\r\n"
        );
        let (address, _served) = origin(answer).await;
        let response = callout("origin").start(&clusters(address)).unwrap().await;
        assert_eq!(status_and_body(&response).1, "onetwo");
        let HttpCalloutResponse::Complete { trailers, .. } = response else {
            unreachable!()
        };
        assert_eq!(
            trailers,
            [(Bytes::from_static(b"x-t"), Bytes::from_static(b"1"))]
        );
    });
}

#[test]
fn an_unknown_cluster_is_named() {
    on_worker(async {
        let refused = callout("nowhere")
            .start(&clusters(closed_port().await))
            .err()
            .unwrap();
        assert_eq!(refused.to_string(), "unknown cluster `nowhere`");
    });
}

#[test]
fn each_missing_pseudo_header_is_named() {
    on_worker(async {
        let clusters = clusters(closed_port().await);
        for missing in [":method", ":path", ":authority"] {
            let mut callout = callout("origin");
            callout.headers.retain(|(name, _)| name != missing);
            let refused = callout.start(&clusters).err().unwrap();
            let cluster = "origin".to_owned();
            assert_eq!(
                refused,
                CalloutError::MissingHeader {
                    cluster,
                    name: missing
                }
            );
        }
    });
}

#[test]
fn host_will_do_for_the_authority() {
    on_worker(async {
        let clusters = clusters(closed_port().await);
        let mut callout = callout("origin");
        callout.headers[2].0 = Bytes::from_static(b"host");
        assert!(callout.start(&clusters).is_ok());
    });
}

#[test]
fn a_cluster_without_endpoints_has_no_healthy_host() {
    on_worker(async {
        let refused = callout("empty")
            .start(&clusters(closed_port().await))
            .err()
            .unwrap();
        assert_eq!(
            refused,
            CalloutError::NoHealthyHost {
                cluster: "empty".to_owned()
            }
        );
    });
}

#[test]
fn an_illegal_header_is_answered_before_anything_is_sent() {
    on_worker(async {
        for (name, value, words) in [
            ("x-a", "line\nbreak", "503 invalid header value for: x-a"),
            ("x a", "1", "503 invalid header name: x a"),
            (":foo", "1", "502 upstream connect error or disconnect"),
        ] {
            let mut callout = callout("origin");
            callout.headers.push((name.into(), value.into()));
            let clusters = clusters(closed_port().await);
            let response = callout.start(&clusters).unwrap().await;
            let (status, body) = status_and_body(&response);
            let answer = format!("{status} {body}");
            assert!(answer.starts_with(words), "{answer}");
        }
    });
}

#[test]
fn a_header_can_set_the_timeout() {
    on_worker(async {
        let (address, served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let mut callout = callout("origin");
        callout
            .headers
            .push(("x-envoy-upstream-rq-timeout-ms".into(), "7000".into()));
        let response = callout.start(&clusters(address)).unwrap().await;
        assert_eq!(status_and_body(&response).0, "200");
        let head = served.await.unwrap();
        assert!(
            head.contains("x-envoy-expected-rq-timeout-ms: 7000\r\n"),
            "{head}"
        );
        assert!(!head.contains("x-envoy-upstream-rq-timeout-ms"), "{head}");
    });
}

#[test]
fn the_response_says_how_long_the_upstream_took() {
    on_worker(async {
        let (address, _served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let response = callout("origin").start(&clusters(address)).unwrap().await;
        let HttpCalloutResponse::Complete { headers, .. } = response else {
            unreachable!()
        };
        let (name, millis) = headers.last().unwrap();
        assert_eq!(name, "x-envoy-upstream-service-time");
        assert!(millis.iter().all(u8::is_ascii_digit));
    });
}
