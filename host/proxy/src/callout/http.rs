//! `HttpCallout`: one request to a cluster, with Envoy's answers for what goes wrong.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tollgate_config::UpstreamProtocol;

use crate::cluster::{
    Cluster, ClusterManager, Endpoint, UpstreamBody, UpstreamError, UpstreamResponseBody,
};
use crate::filter::{HeaderFault, HeaderTable, PseudoHeader};
use crate::http::local_response::StreamError;

/// Name and value of a header.
pub(crate) type Header = (Bytes, Bytes);

/// A request to send.
#[derive(Debug)]
pub(crate) struct HttpCallout {
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// Headers with pseudo-headers; names are lower case.
    pub(crate) headers: Vec<Header>,
    /// Body; empty means none.
    pub(crate) body: Bytes,
    /// Time until the response must be complete.
    pub(crate) timeout: Option<Duration>,
    /// Most bytes of the response's body.
    pub(crate) max_response_bytes: usize,
}

/// How a callout ended.
#[derive(Debug)]
pub(crate) enum HttpCalloutResponse {
    /// With a response, real or made here: 504 for a timeout, 503 without a connection.
    Complete {
        /// Headers, `:status` first.
        headers: Vec<Header>,
        /// The whole body.
        body: Bytes,
        /// Trailers.
        trailers: Vec<Header>,
    },
    /// The response broke off after its headers, or was too large.
    Reset,
}

/// Why a callout did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CalloutError {
    /// There is no such cluster.
    #[error("unknown cluster `{cluster}`")]
    UnknownCluster {
        /// The name given.
        cluster: String,
    },
    /// A pseudo-header is missing.
    #[error("callout to cluster `{cluster}` has no `{name}` header")]
    MissingHeader {
        /// The cluster.
        cluster: String,
        /// The pseudo-header.
        name: &'static str,
    },
    /// HTTP does not allow a header.
    #[error("callout to cluster `{cluster}`: {fault}")]
    IllegalHeader {
        /// The cluster.
        cluster: String,
        /// What is not allowed.
        fault: HeaderFault,
    },
    /// The cluster has no endpoint to send to.
    #[error("cluster `{cluster}` has no healthy host")]
    NoHealthyHost {
        /// The cluster.
        cluster: String,
    },
}

impl HttpCallout {
    /// Checks the request and chooses the endpoint; what it returns sends it.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent at all. Nothing has been sent then.
    pub(crate) fn start(
        self,
        clusters: &ClusterManager,
    ) -> Result<impl Future<Output = HttpCalloutResponse> + use<>, CalloutError> {
        let cluster = Rc::clone(
            clusters
                .get(&self.cluster)
                .ok_or_else(|| self.unknown_cluster())?,
        );
        let headers = self.checked_headers()?;
        let request = self.request(&headers, cluster.protocol)?;
        let endpoint = cluster.choose_endpoint();
        let endpoint = endpoint.ok_or(CalloutError::NoHealthyHost {
            cluster: self.cluster,
        })?;
        let phase = PhaseCell::new(Cell::new(Phase::BeforeHeaders));
        let sending = send(cluster, endpoint, request);
        let exchange = exchange(sending, self.max_response_bytes, Rc::clone(&phase));
        Ok(within(self.timeout, phase, exchange))
    }

    /// Checks what can be checked without clusters of one's own, given the names there are.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(crate) fn check(&self, is_cluster: impl Fn(&str) -> bool) -> Result<(), CalloutError> {
        if !is_cluster(&self.cluster) {
            return Err(self.unknown_cluster());
        }
        let headers = self.checked_headers()?;
        self.request(&headers, UpstreamProtocol::Http1).map(drop)
    }

    fn unknown_cluster(&self) -> CalloutError {
        CalloutError::UnknownCluster {
            cluster: self.cluster.clone(),
        }
    }

    fn checked_headers(&self) -> Result<HeaderTable, CalloutError> {
        let mut table = HeaderTable::empty_request();
        for (name, value) in &self.headers {
            table.add(name, value);
        }
        for required in [
            PseudoHeader::Path,
            PseudoHeader::Method,
            PseudoHeader::Authority,
        ] {
            if table.pseudo_value(required).is_none() {
                let (cluster, name) = (self.cluster.clone(), required.name());
                return Err(CalloutError::MissingHeader { cluster, name });
            }
        }
        if !self.body.is_empty() {
            table.replace(b"content-length", self.body.len().to_string().as_bytes());
        }
        table.replace(b"x-envoy-internal", b"true");
        if let Some(timeout) = self.timeout {
            let millis = timeout.as_millis().to_string();
            table.replace(b"x-envoy-expected-rq-timeout-ms", millis.as_bytes());
        }
        Ok(table)
    }

    fn request(
        &self,
        headers: &HeaderTable,
        protocol: UpstreamProtocol,
    ) -> Result<Request<UpstreamBody>, CalloutError> {
        let request = match protocol {
            UpstreamProtocol::Http1 => headers.to_http1_request(),
            UpstreamProtocol::Http2 => headers.to_http2_request(),
        };
        let request = request.map_err(|fault| {
            let cluster = self.cluster.clone();
            CalloutError::IllegalHeader { cluster, fault }
        })?;
        let body = self.body.clone();
        let body = if body.is_empty() {
            UpstreamBody::Empty
        } else {
            UpstreamBody::Full(Some(body))
        };
        Ok(request.map(|()| body))
    }
}

/// Where an exchange stands, for a timeout that cuts it short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    BeforeHeaders,
    AfterHeaders,
}

type PhaseCell = Rc<Cell<Phase>>;

/// Waits with a time limit. As Envoy's router does, a limit that is reached before the response's
/// headers is answered 504, a later one resets.
async fn within(
    timeout: Option<Duration>,
    phase: PhaseCell,
    exchange: impl Future<Output = HttpCalloutResponse>,
) -> HttpCalloutResponse {
    let Some(timeout) = timeout else {
        return exchange.await;
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(response) => response,
        Err(_) if phase.get() == Phase::AfterHeaders => HttpCalloutResponse::Reset,
        Err(_) => made_here(&StreamError::UpstreamTimeout),
    }
}

async fn send(
    cluster: Rc<Cluster>,
    endpoint: Rc<Endpoint>,
    request: Request<UpstreamBody>,
) -> Result<http::Response<UpstreamResponseBody>, UpstreamError> {
    cluster
        .send(&endpoint, request)
        .await
        .map(|(response, _)| response)
}

async fn exchange(
    sending: impl Future<Output = Result<http::Response<UpstreamResponseBody>, UpstreamError>>,
    max_bytes: usize,
    phase: PhaseCell,
) -> HttpCalloutResponse {
    match sending.await {
        Ok(response) => {
            phase.set(Phase::AfterHeaders);
            collect(response, max_bytes).await
        }
        Err(error) => made_here(&error.to_stream_error()),
    }
}

/// Returns what the router of a stream would answer.
fn made_here(error: &StreamError) -> HttpCalloutResponse {
    let reply = error.to_local_reply();
    let mut fields = HeaderMap::with_capacity(2);
    fields.insert(CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    HttpCalloutResponse::Complete {
        headers: listed(&HeaderTable::from_response(reply.status, fields)),
        body: reply.body,
        trailers: Vec::new(),
    }
}

async fn collect(
    response: http::Response<UpstreamResponseBody>,
    max_bytes: usize,
) -> HttpCalloutResponse {
    let (head, mut incoming) = response.into_parts();
    let headers = listed(&HeaderTable::from_response(head.status, head.headers));
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
                    trailers = listed(&HeaderTable::trailers(fields));
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

fn listed(table: &HeaderTable) -> Vec<Header> {
    let mut headers = Vec::with_capacity(table.len());
    table.entries(&mut |name, value| {
        headers.push((Bytes::copy_from_slice(name), Bytes::copy_from_slice(value)));
    });
    headers
}
