//! What passes from one generation to the next apart from requests: TCP connections, ticks, the end
//! of a plugin, TLS.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use tollgate_integration_tests::client::{Request, TcpClient};
use tollgate_integration_tests::{Ports, fill_template, free_port};

use super::Run;
use crate::support::LIMIT;

/// Puts its version before whatever a client sends.
fn marking(version: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "env" "proxy_set_buffer_bytes"
                (func $set (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{version}")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_downstream_data") (param i32) (param $size i32) (param i32) (result i32)
                (if (local.get $size) (then
                    (drop (call $set (i32.const 2) (i32.const 0) (i32.const 0)
                        (i32.const 0) (i32.const {length})))))
                (i32.const 0)))"#,
        length = version.len()
    );
    wat::parse_str(text).expect("legal text")
}

/// Ticks every ten milliseconds and says so with its version. When it is told to finish it asks the
/// upstream, and has finished when that has answered.
fn ticking(version: &str) -> Vec<u8> {
    let tick = format!("tick {version}");
    // Three pairs: count, sizes, then names and values, each with a zero behind it.
    let pairs = [(":method", "GET"), (":path", "/done"), (":authority", "x")];
    let number = |number: usize| format!("\\{number:02x}\\00\\00\\00");
    let sizes = pairs.map(|(name, value)| number(name.len()) + &number(value.len()));
    let texts = pairs.map(|(name, value)| format!("{name}\\00{value}\\00"));
    let map = [number(pairs.len()), sizes.concat(), texts.concat()].concat();
    let size = 4 + pairs
        .map(|(name, value)| 8 + name.len() + value.len() + 2)
        .iter()
        .sum::<usize>();
    let text = format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_done" (func $done (result i32)))
            (import "env" "proxy_set_tick_period_milliseconds"
                (func $set_tick (param i32) (result i32)))
            (import "env" "proxy_http_call"
                (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{tick}")
            (data (i32.const 100) "origin")
            (data (i32.const 200) "{map}")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_configure") (param i32 i32) (result i32)
                (drop (call $set_tick (i32.const 10)))
                (i32.const 1))
            (func (export "proxy_on_tick") (param i32)
                (drop (call $log (i32.const 2) (i32.const 0) (i32.const {length}))))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (i32.const 0))
            (func (export "proxy_on_done") (param $id i32) (result i32)
                (if (i32.ne (local.get $id) (i32.const 1)) (then (return (i32.const 1))))
                (if (call $call (i32.const 100) (i32.const 6) (i32.const 200) (i32.const {size})
                        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i32.const 60000) (i32.const 500))
                    (then (unreachable)))
                (i32.const 0))
            (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
                (drop (call $done))))"#,
        length = tick.len()
    );
    wat::parse_str(text).expect("legal text")
}

fn with_tcp(run: &Run, port: u16, upstream: u16) -> String {
    let module = run.folder.path("filter.wasm");
    format!(
        r#"admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}
static_resources:
  listeners:
  - name: tcp
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.wasm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
          config:
            name: guest
            vm_config:
              runtime: envoy.wasm.runtime.v8
              code: {{ local: {{ filename: "{module}" }} }}
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: origin
  clusters:
  - name: origin
    type: STATIC
    load_assignment:
      cluster_name: origin
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address:
        {{ address: 127.0.0.1, port_value: {upstream} }} }} }} }}] }}]
"#,
        admin = run.admin
    )
}

/// Sends back what it gets; ends with the process.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut back = stream.try_clone().expect("a second handle");
                // The client may leave at any time.
                drop(std::io::copy(&mut stream, &mut back));
            });
        }
    });
    port
}

#[test]
fn a_tcp_connection_keeps_its_version_to_its_end() {
    let run = Run::start(1);
    let port = free_port();
    run.write_module(marking("1"));
    run.folder.write("envoy.yaml", with_tcp(&run, port, echo()));
    run.reload_well();
    run.wait_until("end of the first generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    let exchange = |client: &mut TcpClient| {
        client.send(b"x");
        client.receive_text(2)
    };
    let mut old = TcpClient::connect(port);
    assert_eq!(exchange(&mut old), "1x");
    run.write_module(marking("2"));
    run.reload_well();
    let mut new = TcpClient::connect(port);
    assert_eq!(exchange(&mut new), "2x");
    assert_eq!(exchange(&mut old), "1x");
    assert_eq!(run.stat("tollgate.generations_alive"), 2);
    drop(old);
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    assert_eq!(exchange(&mut new), "2x");
}

/// Takes one request and answers it when it is told to.
struct Upstream(TcpListener);

impl Upstream {
    fn bind() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        (Self(listener), port)
    }

    fn accept(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().expect("a connection");
        let mut read = [0; 1024];
        let size = stream.read(&mut read).expect("a request");
        let head = String::from_utf8_lossy(read.get(..size).unwrap_or_default());
        assert!(head.starts_with("GET /done "), "{head}");
        stream
    }
}

fn answer(mut stream: TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).expect("the proxy takes it");
}

/// Waits for so many ticks of a version after a line.
fn wait_for_ticks(run: &Run, version: &str, from: usize, count: usize) {
    let tick = format!("tick {version}");
    let came = run.process.wait_for_lines(LIMIT, |lines| {
        let lines = lines.iter().skip(from);
        lines.filter(|line| line.contains(&tick)).count() >= count
    });
    assert!(came, "{:#?}", run.process.lines());
}

#[test]
fn the_old_root_ticks_no_more_and_the_new_one_does() {
    let run = Run::start(1);
    run.write_module(ticking("one"));
    run.reload_well();
    wait_for_ticks(&run, "one", 0, 2);
    run.write_module(ticking("two"));
    run.reload_well();
    run.process.catch_up();
    let from = run.process.line_count();
    // Two workers.
    wait_for_ticks(&run, "two", from, 6);
    let later = run.process.lines_from(from);
    let old = later.iter().filter(|line| line.contains("tick one"));
    assert_eq!(old.count(), 0, "{later:#?}");
}

#[test]
fn a_root_that_the_reload_leaves_as_it_is_ticks_on() {
    let run = Run::start(1);
    run.write_module(ticking("one"));
    run.reload_well();
    let vms = run.stat("wasm.wasm_vm_count");
    run.write_configuration(&run.configuration().listener("second", free_port()));
    run.reload_well();
    run.process.catch_up();
    wait_for_ticks(&run, "one", run.process.line_count(), 6);
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    wait_for_ticks(&run, "one", run.process.line_count(), 6);
    assert!(run.stat("wasm.wasm_vm_count") <= vms);
}

#[test]
fn a_root_that_finishes_later_is_waited_for() {
    let (upstream, port) = Upstream::bind();
    let run = Run::start(port);
    run.write_module(ticking("one"));
    run.reload_well();
    run.wait_until("end of the first generation", || run.is_settled(2));
    run.write_module(ticking("two"));
    run.reload_well();
    // One of each worker.
    let asked = [upstream.accept(), upstream.accept()];
    assert_eq!(run.vms(), 4, "the old VMs are still there");
    asked.into_iter().for_each(answer);
    run.wait_until("end of the old generation", || run.is_settled(2));
    let lines = run.process.lines();
    let late = lines
        .iter()
        .any(|line| line.contains("has not finished in time"));
    assert!(!late, "{lines:#?}");
}

/// A listener with TLS, and two clusters that reach it.
#[expect(clippy::too_many_lines, reason = "a configuration")]
fn with_tls(run: &Run, port: u16, demands: &str) -> String {
    let cluster = |name: &str| {
        format!(
            r#"  - name: {name}
    type: STATIC
    load_assignment:
      cluster_name: {name}
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address:
        {{ address: 127.0.0.1, port_value: {port} }} }} }} }}] }}]
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: one.test
        common_tls_context:
          validation_context: {{ trusted_ca: {{ filename: target/tls/ca.crt }} }}
"#
        )
    };
    let hcm = |routes: &str| {
        format!(
            r#"
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: all
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{routes}]"#
        )
    };
    let plain = hcm("{ match: { prefix: /kept }, route: { cluster: kept } }, \
         { match: { prefix: /fresh }, route: { cluster: fresh } }");
    let secure = hcm(
        "{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ok } } }",
    );
    let text = format!(
        r#"admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}
static_resources:
  listeners:
  - name: plain
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {plain_port} }} }}
    filter_chains:
    - filters:{plain}
  - name: secure
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - certificate_chain: {{ filename: target/tls/server.crt }}
              private_key: {{ filename: target/tls/server.key }}{demands}
      filters:{secure}
  clusters:
{}{}"#,
        cluster("kept"),
        cluster("fresh"),
        admin = run.admin,
        plain_port = run.port,
    );
    // Its ports stay; the certificates are those of the tests.
    let ports = [run.admin, run.port, port].map(|port| (port, port));
    fill_template(&text, &Ports::from(ports)).0
}

#[test]
fn what_a_listener_demands_in_tls_holds_for_new_connections() {
    let run = Run::start(1);
    let port = free_port();
    run.folder.write("envoy.yaml", with_tls(&run, port, ""));
    run.reload_well();
    // One worker, and so one pool of connections.
    let client = run.connect();
    let status = |path: &str| client.send(Request::new(run.port, "GET", path)).status;
    assert_eq!(status("/kept"), 200);
    let demands = "
            validation_context: { trusted_ca: { filename: target/tls/ca.crt } }
          require_client_certificate: true";
    run.folder
        .write("envoy.yaml", with_tls(&run, port, demands));
    let said = run.reload_well();
    assert_eq!(said["listeners"]["changed"][0], "secure", "{said:#}");
    assert_eq!(status("/fresh"), 503, "it has no certificate");
    assert_eq!(status("/kept"), 200, "its connection is older");
    run.folder.write("envoy.yaml", with_tls(&run, port, ""));
    run.reload_well();
    assert_eq!(status("/fresh"), 200);
}
