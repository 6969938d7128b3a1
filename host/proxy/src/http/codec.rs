//! Codec: which version of HTTP a client speaks.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tollgate_config::CodecType;

use crate::transport::Transport;

/// How a client that knows HTTP/2 to be understood begins (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Http1,
    Http2,
}

impl Codec {
    /// Decides by configuration, then ALPN, then the first bytes, which are returned as well.
    pub(super) async fn of(
        configured: CodecType,
        alpn: Option<&str>,
        transport: &mut Transport,
    ) -> io::Result<(Self, Bytes)> {
        match (configured, alpn) {
            (CodecType::Http1, _) | (CodecType::Auto, Some("http/1.1" | "http/1.0")) => {
                Ok((Self::Http1, Bytes::new()))
            }
            (CodecType::Http2, _) | (CodecType::Auto, Some("h2")) => {
                Ok((Self::Http2, Bytes::new()))
            }
            (CodecType::Auto, _) => Self::by_first_bytes(transport).await,
        }
    }

    async fn by_first_bytes(transport: &mut Transport) -> io::Result<(Self, Bytes)> {
        let mut first = BytesMut::with_capacity(4096);
        while PREFACE.starts_with(&first) && first.len() < PREFACE.len() {
            if transport.read_buf(&mut first).await? == 0 {
                break;
            }
        }
        let codec = if first.starts_with(PREFACE) {
            Self::Http2
        } else {
            Self::Http1
        };
        Ok((codec, first.freeze()))
    }
}
