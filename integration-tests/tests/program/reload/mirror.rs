//! An upstream that tells which version a request came through, and answers callouts.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The upstream; it ends with the process.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(super) port: u16,
    /// Requests whose body came in chunks, as soon as their headers have arrived.
    streams: Arc<AtomicU64>,
}

impl Mirror {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let streams = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&streams);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(&stream, &counted));
            }
        });
        Self { port, streams }
    }

    pub(super) fn streams(&self) -> u64 {
        self.streams.load(Ordering::SeqCst)
    }
}

/// Answers one request after the other until the client leaves.
fn serve(stream: &TcpStream, streams: &AtomicU64) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(head) = read_part(&mut lines) {
        if head.iter().any(|line| line == "transfer-encoding: chunked") {
            streams.fetch_add(1, Ordering::SeqCst);
            // The chunks, none of which is empty, and the end.
            if read_part(&mut lines).is_none() {
                return;
            }
        }
        let versions = head
            .iter()
            .filter_map(|line| line.strip_prefix("x-version: "));
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-came-through: {}\r\ncontent-length: 2\r\n\r\nok",
            versions.collect::<Vec<_>>().join(",")
        );
        if (&*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads lines up to an empty one.
fn read_part(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Option<Vec<String>> {
    let mut part = Vec::new();
    loop {
        match lines.next()?.ok()? {
            end if end.is_empty() => return Some(part),
            line => part.push(line),
        }
    }
}
