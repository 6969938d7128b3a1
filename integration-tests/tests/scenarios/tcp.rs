//! TCP proxies.

use std::thread;

use tollgate_integration_tests::client::{TcpClient, TcpEnd};
use tollgate_integration_tests::origin::tcp::FLOOD_BYTES;
use tollgate_integration_tests::{Proxy, SharedPair};

static TCP: SharedPair = SharedPair::new("conformance/tcp.yaml");

const PLAIN: u16 = 10_000;
const REFUSED: u16 = 10_001;
const IDLE: u16 = 10_002;
const SHORT: u16 = 10_003;
const NOWHERE: u16 = 10_004;
const HTTP: u16 = 10_005;

fn connect(proxy: &Proxy, listener: u16) -> TcpClient {
    TcpClient::connect(proxy.port(listener))
}

/// The statistics with these names, as the admin interface tells them.
fn stats(proxy: &Proxy, names: &[&str]) -> Vec<String> {
    let all = proxy.admin("/stats");
    let wanted = |line: &&str| {
        names
            .iter()
            .any(|name| line.starts_with(&format!("{name}: ")))
    };
    all.lines().filter(wanted).map(str::to_owned).collect()
}

#[test]
fn bytes_pass_both_ways_until_both_sides_have_ended() {
    let echo = TCP.compare(|proxy| {
        let mut client = connect(proxy, PLAIN);
        client.send(b"ping");
        let first = client.receive_text(4);
        client.send(b"pong");
        client.end();
        (first, client.rest())
    });
    assert_eq!(
        echo,
        ("ping".to_owned(), (b"pong".to_vec(), TcpEnd::Closed))
    );
}

#[test]
fn a_client_may_send_on_after_the_upstream_has_ended() {
    TCP.compare(|proxy| {
        let mut client = connect(proxy, PLAIN);
        client.send(b"half");
        assert_eq!(client.rest_text(), "bye");
        client.send(b" and the other half");
        client.end();
        let all = proxy.origin().wait_for_tcp(b"half and the other half");
        assert!(all, "what came after the upstream's end is lost");
    });
}

#[test]
fn a_large_transfer_arrives_whole() {
    let counts = TCP.compare(|proxy| {
        let mut flooded = connect(proxy, PLAIN);
        flooded.send(b"flood");
        let down = flooded.receive(FLOOD_BYTES).len();
        let mut echoing = connect(proxy, PLAIN);
        let mut sending = echoing.another();
        let sender = thread::spawn(move || {
            sending.send(&vec![b'u'; 8 * FLOOD_BYTES]);
            sending.end();
        });
        let echoed = echoing.rest();
        sender.join().expect("the sender sends all");
        (down, echoed.0.len(), echoed.1)
    });
    assert_eq!(counts, (FLOOD_BYTES, 8 * FLOOD_BYTES, TcpEnd::Closed));
}

#[test]
fn a_client_is_closed_after_the_last_attempt_to_connect() {
    let names = [
        "cluster.refusing.upstream_cx_connect_fail",
        "cluster.refusing.upstream_cx_connect_attempts_exceeded",
        "tcp.refused.downstream_cx_total",
    ];
    let counted = TCP.compare(|proxy| {
        assert_eq!(connect(proxy, REFUSED).rest_text(), "");
        stats(proxy, &names)
    });
    let expected = [
        "cluster.refusing.upstream_cx_connect_attempts_exceeded: 1",
        "cluster.refusing.upstream_cx_connect_fail: 3",
        "tcp.refused.downstream_cx_total: 1",
    ];
    assert_eq!(counted, expected);
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed() {
    let counted = TCP.compare(|proxy| {
        let mut client = connect(proxy, IDLE);
        client.send(b"ping");
        assert_eq!(client.rest_text(), "ping");
        stats(proxy, &["tcp.idle.idle_timeout"])
    });
    assert_eq!(counted, ["tcp.idle.idle_timeout: 1"]);
}

#[test]
fn a_connection_that_lives_for_too_long_is_closed() {
    let counted = TCP.compare(|proxy| {
        assert_eq!(connect(proxy, SHORT).rest_text(), "");
        stats(proxy, &["tcp.short.max_downstream_connection_duration"])
    });
    assert_eq!(counted, ["tcp.short.max_downstream_connection_duration: 1"]);
}

#[test]
fn a_connection_to_a_cluster_that_does_not_exist_is_closed() {
    let counted = TCP.compare(|proxy| {
        assert_eq!(connect(proxy, NOWHERE).rest_text(), "");
        stats(proxy, &["tcp.nowhere.downstream_cx_no_route"])
    });
    assert_eq!(counted, ["tcp.nowhere.downstream_cx_no_route: 1"]);
}

#[test]
fn http_is_bytes_like_any_other() {
    let status = TCP.compare(|proxy| proxy.get(HTTP, "/").send().status);
    assert_eq!(status, 200);
}
