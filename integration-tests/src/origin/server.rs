//! The HTTP servers of the origin.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::background;
use crate::message::Headers;
use crate::origin::answer::{Answer, Start};
use crate::origin::body::Body;
use crate::origin::{Received, Shared};

pub(super) async fn serve_http1(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let stream = accept(&listener).await;
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        background::spawn(connection);
    }
}

/// Streams that one HTTP/2 connection may have at once; many servers allow so many.
pub const MAX_STREAMS: u32 = 100;

pub(super) async fn serve_http2(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let stream = accept(&listener).await;
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .serve_connection(TokioIo::new(stream), service);
        background::spawn(connection);
    }
}

pub(super) async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener
        .accept()
        .await
        .expect("the origin's listener stays open");
    stream.set_nodelay(true).expect("sockets can send at once");
    stream
}

/// An error ends the connection, or over HTTP/2 the stream.
async fn respond(
    mut request: http::Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<http::Response<Body>, io::Error> {
    let answer = shared
        .answers
        .lock()
        .get(request.uri().path())
        .cloned()
        .unwrap_or_default();
    if answer.status == 101 {
        let upgrade = hyper::upgrade::on(&mut request);
        background::spawn(echo_upgraded(upgrade));
    }
    let (parts, body) = request.into_parts();
    if answer.start == Start::Early {
        background::spawn(record(parts, body, shared));
        return Ok(build(answer, Bytes::new()));
    }
    let body = record(parts, body, shared).await;
    match answer.start {
        Start::Reset => return Err(io::Error::other("reset as scripted")),
        Start::Delayed(delay) => tokio::time::sleep(delay).await,
        Start::AfterRequest | Start::Early => {}
    }
    Ok(build(answer, body))
}

fn build(answer: Answer, request_body: Bytes) -> http::Response<Body> {
    let body = if answer.echo {
        Body::sized(request_body)
    } else {
        answer.body
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(answer.status).expect("a legal status");
    *response.headers_mut() = answer.headers;
    response
}

/// Reads a request to its end and remembers it.
async fn record(parts: Parts, mut body: Incoming, shared: Arc<Shared>) -> Bytes {
    let mut bytes = BytesMut::new();
    let mut trailers = None;
    let mut complete = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            complete = false;
            break;
        };
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        } else if let Some(map) = frame.trailers_ref() {
            trailers = Some(Headers::from_map(map));
        }
    }
    let bytes = bytes.freeze();
    let mut headers = parts.headers;
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = authority.as_str().parse()
    {
        headers.insert(http::header::HOST, host);
    }
    shared.received.lock().push(Received {
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        version: format!("{:?}", parts.version),
        headers: Headers::from_map(&headers),
        body: bytes.clone(),
        trailers,
        complete,
    });
    shared.grown.notify_all();
    bytes
}

/// Sends back what comes on a connection that has changed its protocol.
async fn echo_upgraded(upgrade: hyper::upgrade::OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgraded));
        // The peer decides when the tunnel ends.
        tokio::io::copy(&mut reader, &mut writer)
            .await
            .unwrap_or_default();
    }
}
