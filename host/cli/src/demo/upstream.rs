//! The demo's upstream: answers every request with what it received.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Longest request head and body the echo reads.
const LIMIT: u64 = 1 << 20;

/// A server on loopback that lives as long as the program.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    /// Binds any free port and serves each connection on a thread: a demo has few.
    ///
    /// # Errors
    ///
    /// When no port or thread can be had.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let connection = thread::Builder::new().spawn(move || serve(&stream));
                    drop(connection);
                }
            })?;
        Ok(Self { address })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves requests until the proxy closes the connection or breaks the protocol.
fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(3600)))?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let length = content_length(&head);
        let mut body = Vec::new();
        reader
            .by_ref()
            .take(length.unwrap_or(0))
            .read_to_end(&mut body)?;
        let mut text = format!("The upstream received:\n\n{head}\n").into_bytes();
        text.extend_from_slice(&body);
        let connection = if length.is_some() {
            "keep-alive"
        } else {
            "close"
        };
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\
             connection: {connection}\r\n\r\n",
            text.len()
        );
        let mut stream = stream;
        stream.write_all(response.as_bytes())?;
        stream.write_all(&text)?;
        if length.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads up to the empty line; `None` at the end of the connection.
fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut head = String::new();
    let mut limited = reader.take(LIMIT);
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            return Ok(Some(head));
        }
        head.push_str(line.trim_end());
        head.push('\n');
    }
}

/// The length of the body; `None` for a chunked one, which the echo does not read.
fn content_length(head: &str) -> Option<u64> {
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    if header("transfer-encoding").is_some() {
        return None;
    }
    Some(
        header("content-length")
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
            .min(LIMIT),
    )
}
