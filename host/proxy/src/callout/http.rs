//! `HttpCallout`: one request to a cluster, with Envoy's answers for what goes wrong.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tollgate_config::UpstreamProtocol;

use super::exchange::Exchange;
use super::router::{settle_timeout, unsendable};
use crate::cluster::{ClusterManager, UpstreamBody};
use crate::filter::{HeaderTable, LocalReply, PseudoHeader};

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
        let mut headers = self.checked_headers()?;
        if headers.pseudo_value(PseudoHeader::Scheme).is_none() {
            headers.replace(b":scheme", cluster.scheme().as_bytes());
        }
        let timeout = settle_timeout(&mut headers, self.timeout);
        let request = self.request(&headers, cluster.protocol);
        let endpoint = cluster.choose_endpoint();
        let endpoint = endpoint.ok_or(CalloutError::NoHealthyHost {
            cluster: self.cluster,
        })?;
        let exchange = Exchange {
            cluster,
            endpoint,
            max_response_bytes: self.max_response_bytes,
            headers_received: Cell::new(false),
        };
        Ok(exchange.run(request, timeout))
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
        self.checked_headers().map(drop)
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
        Ok(table)
    }

    fn request(
        &self,
        headers: &HeaderTable,
        protocol: UpstreamProtocol,
    ) -> Result<Request<UpstreamBody>, LocalReply> {
        let mut request = Request::default();
        let written = match protocol {
            UpstreamProtocol::Http1 => headers.write_http1_request(&mut request),
            UpstreamProtocol::Http2 => headers.write_http2_request(&mut request),
        };
        written.map_err(|fault| unsendable(&fault))?;
        if !self.body.is_empty() {
            *request.body_mut() = UpstreamBody::Full(Some(self.body.clone()));
        }
        Ok(request)
    }
}
