//! `Exchange`: a callout on its way, from the request to a response of the upstream or of our own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::BodyExt;

use super::{Header, HttpCalloutResponse};
use crate::cluster::{Cluster, Endpoint, UpstreamBody, UpstreamResponseBody};
use crate::filter::{HeaderTable, LocalReply};
use crate::http::local_response::StreamError;

/// One callout to one endpoint.
pub(super) struct Exchange {
    pub(super) cluster: Rc<Cluster>,
    pub(super) endpoint: Rc<Endpoint>,
    pub(super) max_response_bytes: usize,
    pub(super) headers_received: Cell<bool>,
}

impl Exchange {
    /// Sends the request and waits for all of the response. As Envoy's router does, a limit that
    /// is reached before the response's headers is answered 504, a later one resets.
    pub(super) async fn run(
        self,
        request: Result<Request<UpstreamBody>, LocalReply>,
        timeout: Option<Duration>,
    ) -> HttpCalloutResponse {
        let mut request = match request {
            Ok(request) => request,
            Err(reply) => return self.answer(reply),
        };
        let Some(timeout) = timeout else {
            return self.send(&mut request).await;
        };
        match tokio::time::timeout(timeout, self.send(&mut request)).await {
            Ok(response) => response,
            Err(_) if self.headers_received.get() => HttpCalloutResponse::Reset,
            Err(_) => {
                self.cluster.count_timeout(&self.endpoint);
                self.answer(StreamError::UpstreamTimeout.to_local_reply())
            }
        }
    }

    async fn send(&self, request: &mut Request<UpstreamBody>) -> HttpCalloutResponse {
        let begin = Instant::now();
        match self.cluster.send(&self.endpoint, request).await {
            Ok((response, _)) => {
                self.headers_received.set(true);
                self.count(response.status(), Some(begin.elapsed()));
                collect(response, begin, self.max_response_bytes).await
            }
            Err(error) => self.answer(error.to_stream_error().to_local_reply()),
        }
    }

    /// Answers as the router of a stream would.
    fn answer(&self, reply: LocalReply) -> HttpCalloutResponse {
        self.count(reply.status, None);
        let mut fields = HeaderMap::with_capacity(2);
        fields.insert(CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        HttpCalloutResponse::Complete {
            headers: listed(&HeaderTable::from_response(reply.status, fields)),
            body: reply.body,
            trailers: Vec::new(),
        }
    }

    fn count(&self, status: StatusCode, took: Option<Duration>) {
        self.cluster
            .count_response(&self.endpoint, status.as_u16(), took);
    }
}

async fn collect(
    response: http::Response<UpstreamResponseBody>,
    sent: Instant,
    max_bytes: usize,
) -> HttpCalloutResponse {
    let (head, mut incoming) = response.into_parts();
    let mut headers = HeaderTable::from_response(head.status, head.headers);
    tell_service_time(&mut headers, sent);
    let headers = listed(&headers);
    let mut body = Body::default();
    let mut trailers = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            return HttpCalloutResponse::Reset;
        };
        match frame.into_data() {
            Ok(data) if body.len() + data.len() > max_bytes => return HttpCalloutResponse::Reset,
            Ok(data) => body.push(data),
            Err(frame) => {
                if let Ok(fields) = frame.into_trailers() {
                    trailers = listed(&HeaderTable::response_trailers(fields));
                }
            }
        }
    }
    HttpCalloutResponse::Complete {
        headers,
        body: body.freeze(),
        trailers,
    }
}

/// Adds what Envoy's router adds to every response: how long the upstream took.
pub(super) fn tell_service_time(headers: &mut HeaderTable, sent: Instant) {
    let millis = sent.elapsed().as_millis().to_string();
    headers.replace(b"x-envoy-upstream-service-time", millis.as_bytes());
}

/// A body that is copied only when it comes in more than one piece.
#[derive(Debug, Default)]
struct Body {
    first: Bytes,
    rest: BytesMut,
}

impl Body {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
        } else {
            self.rest.extend_from_slice(&data);
        }
    }

    fn freeze(self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.len());
        whole.extend_from_slice(&self.first);
        whole.extend_from_slice(&self.rest);
        whole.freeze()
    }
}

/// Returns a table as a plugin reads it.
pub(super) fn listed(table: &HeaderTable) -> Vec<Header> {
    let mut headers = Vec::with_capacity(table.len());
    table.entries(&mut |name, value| {
        headers.push((Bytes::copy_from_slice(name), Bytes::copy_from_slice(value)));
    });
    headers
}
