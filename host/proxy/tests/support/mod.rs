//! A proxy in this process, a scripted upstream, and a client that speaks raw bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tollgate_config::LoadOptions;
use tollgate_proxy::{RunningServer, Server, ServerOptions};

/// A proxy with one listener on a port of the system's choice.
pub(crate) struct Proxy {
    pub(crate) server: Option<RunningServer>,
    address: SocketAddr,
}

impl Proxy {
    /// Starts a proxy for `routes`; cluster `up` is the given upstream, `refused` has none.
    pub(crate) fn start(routes: &str, manager: &str, upstream: SocketAddr) -> Self {
        let text = configuration(routes, manager, upstream);
        let loaded = tollgate_config::parse(&text, "test.yaml", &LoadOptions::default());
        let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
        let options = ServerOptions {
            concurrency: Some(1),
            ..ServerOptions::default()
        };
        let server = Server::start(vec![loaded.bootstrap], options).unwrap();
        let (_, address) = server.listener_addresses().remove(0);
        Self {
            server: Some(server),
            address,
        }
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }

    /// Sends bytes and returns everything until the proxy closes.
    pub(crate) fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_to_end(&mut stream)
    }

    /// Sends a GET that asks to close, and returns the answer.
    pub(crate) fn get(&self, path: &str) -> String {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        ))
    }
}

/// Reads until the end; a reset counts as one.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Serves each connection once by a function from the request's bytes to the response's.
pub(crate) fn upstream(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || serve(stream, &*answer));
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while !is_complete(&seen) {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(count) => seen.extend_from_slice(&chunk[..count]),
            }
        }
        let response = answer(&String::from_utf8_lossy(&seen));
        seen.clear();
        if stream.write_all(response.as_bytes()).is_err() || response.contains("connection: close")
        {
            return;
        }
    }
}

/// Returns whether a request's head and body are there.
fn is_complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse().unwrap(),
        None if head.contains("transfer-encoding: chunked") => body.ends_with("0\r\n\r\n"),
        None => true,
    }
}

/// An ordinary answer that carries the request it is for.
pub(crate) fn echo(request: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}",
        request.len()
    )
}

fn configuration(routes: &str, manager: &str, upstream: SocketAddr) -> String {
    let port = upstream.port();
    format!(
        r#"
static_resources:
  listeners:
  - name: main
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          {manager}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{routes}]
          http_filters:
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: up
    connect_timeout: 5s
    load_assignment: {{cluster_name: up, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]}}
  - name: refused
    connect_timeout: 5s
    load_assignment: {{cluster_name: refused, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 1}}}}}}}}]}}]}}
  - {{name: empty, connect_timeout: 5s}}
"#
    )
}
