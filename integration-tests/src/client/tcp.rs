//! A client that sends and reads bytes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for bytes that are expected.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// A connection without HTTP.
#[derive(Debug)]
pub struct TcpClient(TcpStream);

/// How a connection ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpEnd {
    /// The proxy ended its data.
    Closed,
    /// The proxy broke the connection.
    Reset,
}

impl TcpClient {
    /// Connects to a port of this machine.
    #[must_use]
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the proxy accepts");
        stream
            .set_read_timeout(Some(READ_LIMIT))
            .expect("sockets have timeouts");
        stream.set_nodelay(true).expect("sockets can send at once");
        Self(stream)
    }

    /// A second handle of the connection, to send while this one reads.
    #[must_use]
    pub fn another(&self) -> Self {
        Self(self.0.try_clone().expect("a second handle"))
    }

    /// The client's own address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a connected socket has one")
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the proxy takes bytes");
    }

    /// Ends the client's data; it can still read.
    pub fn end(&self) {
        match self.0.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => panic!("{error}"),
            Ok(()) | Err(_) => {}
        }
    }

    /// Reads exactly so many bytes.
    #[must_use]
    pub fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0
            .read_exact(&mut bytes)
            .expect("the proxy sends what is expected");
        bytes
    }

    /// As [`receive`](Self::receive), as text.
    #[must_use]
    pub fn receive_text(&mut self, count: usize) -> String {
        String::from_utf8_lossy(&self.receive(count)).into_owned()
    }

    /// Reads until the connection ends.
    #[must_use]
    pub fn rest(&mut self) -> (Vec<u8>, TcpEnd) {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => (bytes, TcpEnd::Closed),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, TcpEnd::Reset),
            Err(error) => panic!("the connection does not end: {error}"),
        }
    }

    /// As [`rest`](Self::rest), as text and without how it ended.
    #[must_use]
    pub fn rest_text(&mut self) -> String {
        String::from_utf8_lossy(&self.rest().0).into_owned()
    }
}
