//! The server that speaks no HTTP: what the first bytes of a connection say decides what it does.
//!
//! | first bytes | what it does |
//! |---|---|
//! | `close` | answers `bye` and closes |
//! | `half` | answers `bye`, ends its data, and reads until the client ends |
//! | `flood` | sends [`FLOOD_BYTES`] bytes and reads until the client ends |
//! | anything else | echoes until the client ends, then closes |

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::background;
use crate::origin::{Shared, server};

/// What a flood sends.
pub const FLOOD_BYTES: usize = 1024 * 1024;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let stream = server::accept(&listener).await;
        let shared = Arc::clone(&shared);
        background::spawn(async move {
            let mut received = Vec::new();
            // A broken connection ends the conversation, and what came is remembered.
            drop(converse(stream, &mut received).await);
            shared.tcp_received.lock().push(received);
            shared.tcp_ended.notify_all();
        });
    }
}

async fn converse(mut stream: TcpStream, received: &mut Vec<u8>) -> io::Result<()> {
    let mut echoed = 0;
    loop {
        if stream.read_buf(received).await? == 0 {
            return Ok(());
        }
        if echoed == 0 && received.starts_with(b"close") {
            return stream.write_all(b"bye").await;
        }
        if echoed == 0 && received.starts_with(b"half") {
            stream.write_all(b"bye").await?;
            stream.shutdown().await?;
            return stream.read_to_end(received).await.map(drop);
        }
        if echoed == 0 && received.starts_with(b"flood") {
            stream.write_all(&vec![b'f'; FLOOD_BYTES]).await?;
            return stream.read_to_end(received).await.map(drop);
        }
        let new = received.get(echoed..).unwrap_or_default();
        stream.write_all(new).await?;
        echoed = received.len();
    }
}
