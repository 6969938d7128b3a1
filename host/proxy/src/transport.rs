//! Transport: a connection's bytes, with or without TLS, towards clients and upstreams.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

use crate::network::FilteredTransport;

/// So many bytes are copied in less time than the system takes for bytes in several places.
const SMALL: usize = 4096;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(SMALL));
}

/// A connected byte stream.
#[derive(Debug)]
pub(crate) enum Transport {
    /// TCP as it is.
    Plain(TcpStream),
    /// TLS towards a client.
    Server(Box<server::TlsStream<TcpStream>>),
    /// TLS towards an upstream.
    Client(Box<client::TlsStream<TcpStream>>),
    /// A client's bytes behind network filters.
    Filtered(Box<FilteredTransport>),
}

impl Transport {
    /// Has the connection end by a reset instead of an orderly close, where the system can.
    pub(crate) fn reset_on_drop(&self) {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Server(stream) => stream.get_ref().0,
            Self::Client(stream) => stream.get_ref().0,
            Self::Filtered(_) => return,
        };
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "SO_LINGER");
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Server(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            Self::Filtered(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Server(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
            Self::Filtered(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => write_joined(Pin::new(stream), cx, bufs),
            Self::Server(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
            Self::Filtered(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Server(stream) => stream.is_write_vectored(),
            Self::Client(stream) => stream.is_write_vectored(),
            Self::Filtered(_) => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Server(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Filtered(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Server(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Client(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Filtered(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// Writes what lies in several places: in one piece if it is little, as heads and most bodies are.
fn write_joined(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [only] = bufs {
        return stream.poll_write(cx, only);
    }
    if bufs.iter().map(|buf| buf.len()).sum::<usize>() > SMALL {
        return stream.poll_write_vectored(cx, bufs);
    }
    JOINED.with_borrow_mut(|joined| {
        joined.clear();
        bufs.iter().for_each(|buf| joined.extend_from_slice(buf));
        stream.poll_write(cx, joined)
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{IoSlice, Read as _};
    use std::net::TcpListener;
    use std::pin::Pin;
    use std::thread;

    use tokio::io::AsyncWrite as _;

    use super::{SMALL, TcpStream, Transport};

    /// Writes pieces until they are written, and returns what arrives.
    fn passed(pieces: &[&[u8]]) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut all).unwrap();
            all
        });
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_io().build().unwrap().block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut transport = Transport::Plain(stream);
            let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut left = slices.as_mut_slice();
            while !left.is_empty() {
                let written =
                    poll_fn(|cx| Pin::new(&mut transport).poll_write_vectored(cx, left)).await;
                IoSlice::advance_slices(&mut left, written.unwrap());
            }
        });
        reader.join().unwrap()
    }

    #[test]
    fn pieces_arrive_in_order_be_they_little_or_much() {
        let large = vec![b'x'; 2 * SMALL];
        let fitting = vec![b'y'; SMALL - 4];
        for pieces in [
            [b"head".as_slice(), b"", b"body"].as_slice(),
            &[b"only"],
            &[b"head", &fitting],
            &[b"head", &large, b"tail"],
        ] {
            assert_eq!(passed(pieces), pieces.concat());
        }
    }
}
