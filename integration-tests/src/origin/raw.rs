//! A server that sends bytes as a scenario gives them, legal or not.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::background;
use crate::origin::Shared;
use crate::origin::server::accept;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let stream = accept(&listener).await;
        background::spawn(answer(stream, Arc::clone(&shared)));
    }
}

/// Waits for a request's headers, sends the bytes and closes.
async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read_buf(&mut seen).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
    let bytes = shared.raw_answer.lock().clone();
    // The proxy may have closed the connection; it is being provoked.
    stream.write_all(&bytes).await.unwrap_or_default();
    stream.shutdown().await.unwrap_or_default();
}
