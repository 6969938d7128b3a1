//! The answer of a built-in upstream: the request, as text; for gRPC the message that came.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode};

/// Longest request body that the echo reads.
const LIMIT: usize = 1 << 20;

type Body = BoxBody<Bytes, Infallible>;

/// Answers a request.
pub(super) async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LIMIT).collect().await else {
        return Ok(status(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let body = body.to_bytes();
    let is_grpc = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    Ok(if is_grpc {
        grpc(body)
    } else {
        text(&head, &body)
    })
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default().boxed());
    *response.status_mut() = status;
    response
}

fn text(head: &Parts, body: &[u8]) -> Response<Body> {
    let mut text = format!(
        "The upstream received:\n\n{} {} {:?}\n",
        head.method, head.uri, head.version
    );
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\n", value.as_bytes().escape_ascii()));
    }
    text.push('\n');
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    let mut response = Response::new(Full::from(bytes).boxed());
    let kind = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The message comes back, which a reply with the same fields reads as its own.
fn grpc(message: Bytes) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::from(message).with_trailers(async { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed());
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
