//! The scripted origin: it answers as a scenario says and remembers what it got.

pub mod answer;
pub mod body;
pub mod grpc;
mod raw;
mod server;
pub mod tcp;

use std::collections::BTreeMap;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::net::{TcpListener, TcpSocket};

pub use answer::Answer;
pub use server::MAX_STREAMS;

use crate::background;
use crate::message::Headers;

/// A request as the origin got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Method.
    pub method: String,
    /// Path with query; over HTTP/2 only the path.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Header fields; over HTTP/2 `host` stands for `:authority`.
    pub headers: Headers,
    /// Body bytes, as far as they came.
    pub body: Bytes,
    /// Trailer fields, if there are any.
    pub trailers: Option<Headers>,
    /// Whether the request ended as its protocol says.
    pub complete: bool,
}

impl Received {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What servers and scenarios share.
#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<BTreeMap<String, Answer>>,
    raw_answer: Mutex<Bytes>,
    received: Mutex<Vec<Received>>,
    tcp_received: Mutex<Vec<Vec<u8>>>,
    tcp_ended: Condvar,
    grown: Condvar,
}

/// The origin servers of one proxy under test.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    /// Ports of the shipped files and the ports that stand for them.
    ports: BTreeMap<u16, u16>,
    /// Holds the port of the cluster that refuses, so that nobody else listens there.
    _refusing: TcpSocket,
}

/// The HTTP/1.1 origin's port in the shipped files.
const HTTP1: u16 = 8080;
/// The HTTP/2 origin's port in the shipped files.
const HTTP2: u16 = 8081;
/// Port of the server that sends bytes as they are, in the shipped files.
const RAW: u16 = 8082;
/// Port of the server that speaks no HTTP, in the shipped files.
const TCP: u16 = 8083;
/// The port in the shipped files on which nobody listens.
const REFUSING: u16 = 8089;

impl Origin {
    /// Starts the servers on free ports.
    #[must_use]
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let mut ports = BTreeMap::new();
        let http1 = listen(&mut ports, HTTP1);
        let http2 = listen(&mut ports, HTTP2);
        let raw = listen(&mut ports, RAW);
        let tcp = listen(&mut ports, TCP);
        let for_http1 = Arc::clone(&shared);
        let for_http2 = Arc::clone(&shared);
        let for_raw = Arc::clone(&shared);
        let for_tcp = Arc::clone(&shared);
        let refusing = background::block_on(async move {
            background::spawn(server::serve_http1(tokio_listener(http1), for_http1));
            background::spawn(server::serve_http2(tokio_listener(http2), for_http2));
            background::spawn(raw::serve(tokio_listener(raw), for_raw));
            background::spawn(tcp::serve(tokio_listener(tcp), for_tcp));
            let socket = TcpSocket::new_v4().expect("a socket");
            socket
                .bind(([127, 0, 0, 1], 0).into())
                .expect("a free port");
            socket
        });
        let refused = refusing
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        ports.insert(REFUSING, refused);
        Self {
            shared,
            ports,
            _refusing: refusing,
        }
    }

    /// Waits until a connection without HTTP has ended on which exactly this came; `false` when
    /// none has.
    #[must_use]
    pub fn wait_for_tcp(&self, wanted: &[u8]) -> bool {
        let mut received = self.shared.tcp_received.lock();
        let until = Instant::now() + Duration::from_secs(10);
        while !received.iter().any(|bytes| bytes == wanted) {
            if self
                .shared
                .tcp_ended
                .wait_until(&mut received, until)
                .timed_out()
            {
                return false;
            }
        }
        true
    }

    pub(crate) fn ports(&self) -> &BTreeMap<u16, u16> {
        &self.ports
    }

    /// Port of the HTTP/1.1 server.
    #[must_use]
    pub fn http1_port(&self) -> u16 {
        self.ports.get(&HTTP1).copied().unwrap_or_default()
    }

    /// Port of the HTTP/2 server.
    #[must_use]
    pub fn http2_port(&self) -> u16 {
        self.ports.get(&HTTP2).copied().unwrap_or_default()
    }

    /// Forgets answers and requests.
    pub(crate) fn reset(&self) {
        self.shared.answers.lock().clear();
        self.shared.received.lock().clear();
    }

    /// Says how to answer a path, its query left aside.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().insert(path.to_owned(), answer);
    }

    /// Says what the raw server sends after each request's headers, before it closes.
    pub fn answer_raw(&self, bytes: impl Into<Bytes>) {
        *self.shared.raw_answer.lock() = bytes.into();
    }

    /// The requests so far, in the order in which they ended.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().clone()
    }

    /// The only request so far.
    #[must_use]
    pub fn only_request(&self) -> Received {
        let received = self.received();
        match <[Received; 1]>::try_from(received) {
            Ok([request]) => request,
            Err(others) => panic!("the origin got {} requests: {others:#?}", others.len()),
        }
    }

    /// Waits until so many requests have ended.
    #[must_use]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut received = self.shared.received.lock();
        while received.len() < count {
            let late = self
                .shared
                .grown
                .wait_until(&mut received, deadline)
                .timed_out();
            assert!(
                !late,
                "the origin waits for request {count} and has {received:#?}"
            );
        }
        received.clone()
    }
}

fn listen(ports: &mut BTreeMap<u16, u16>, shipped: u16) -> StdListener {
    let listener = StdListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener
        .local_addr()
        .expect("a bound socket has an address")
        .port();
    ports.insert(shipped, port);
    listener
}

fn tokio_listener(listener: StdListener) -> TcpListener {
    listener
        .set_nonblocking(true)
        .expect("sockets can be non-blocking");
    TcpListener::from_std(listener).expect("the runtime takes the socket")
}
