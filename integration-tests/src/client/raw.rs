//! A client that sends any bytes, legal or not.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A proxy that is to close a connection has this long.
const LIMIT: Duration = Duration::from_secs(10);

/// What came back on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// Whether the proxy closed the connection.
    pub closed: bool,
}

impl RawAnswer {
    /// Status codes of all answers on the connection, in their order. To an old client hyper
    /// answers as HTTP/1.0, Envoy always as HTTP/1.1.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split("HTTP/1.")
            .skip(1)
            .filter_map(|answer| answer.get(2..5)?.parse().ok())
            .collect()
    }

    /// The bytes as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends bytes and reads until the proxy closes; a request without `connection: close` that the
/// proxy likes makes this wait for the limit.
#[must_use]
pub fn exchange(port: u16, bytes: &[u8]) -> RawAnswer {
    exchange_parts(port, &[bytes])
}

/// Sends bytes in parts that arrive one by one, then reads until the proxy closes.
#[must_use]
pub fn exchange_parts(port: u16, parts: &[&[u8]]) -> RawAnswer {
    let mut stream = connect(port);
    for part in parts {
        // The proxy may have refused and closed already.
        if stream.write_all(part).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    read_to_end(&mut stream)
}

/// Sends bytes, reads until an answer ends with what is expected, and closes.
#[must_use]
pub fn tunnel(port: u16, bytes: &[u8], expected: &[u8]) -> RawAnswer {
    let mut stream = connect(port);
    stream.write_all(bytes).expect("the proxy takes the bytes");
    read_until(&mut stream, |answer| answer.ends_with(expected))
}

/// Sends bytes and breaks off, as a client does that crashes.
pub fn break_off(port: u16, bytes: &[u8]) {
    let mut stream = connect(port);
    // The proxy may have refused and closed already.
    stream.write_all(bytes).unwrap_or_default();
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    stream
        .set_read_timeout(Some(LIMIT))
        .expect("sockets have timeouts");
    stream.set_nodelay(true).expect("sockets can send at once");
    stream
}

fn read_to_end(stream: &mut TcpStream) -> RawAnswer {
    read_until(stream, |_| false)
}

fn read_until(stream: &mut TcpStream, done: impl Fn(&[u8]) -> bool) -> RawAnswer {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while !done(&bytes) {
        match stream.read(&mut buffer) {
            Ok(0) => {
                return RawAnswer {
                    bytes,
                    closed: true,
                };
            }
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return RawAnswer {
                    bytes,
                    closed: false,
                };
            }
            Err(_) => {
                return RawAnswer {
                    bytes,
                    closed: true,
                };
            }
        }
    }
    RawAnswer {
        bytes,
        closed: false,
    }
}
