//! gRPC callouts: calls and streams that plugins open, over the clusters' HTTP/2.
//!
//! A callout is told of by [`GrpcEvent`]s in Envoy's order. Everything is bounded: what waits to be
//! sent, and each message that is received.

mod exchange;
mod frame;
mod request;
mod send_queue;
mod status;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::Header;
use crate::cluster::{Cluster, ClusterManager, UpstreamBody};
use exchange::{Exchange, ExchangeKind};
use request::Head;
pub(crate) use send_queue::SendQueue;

/// Most bytes of a message from an upstream, unless the guest sets less. Envoy has no limit.
pub(crate) const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// A gRPC method to call, and how.
#[derive(Clone, Debug)]
pub(crate) struct GrpcCallout {
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// Value of `:authority`; empty for the cluster's name.
    pub(crate) authority: String,
    /// Full name of the service.
    pub(crate) service: String,
    /// Name of the method.
    pub(crate) method: String,
    /// Metadata; names are lower case, and values of `-bin` headers are not encoded yet.
    pub(crate) metadata: Vec<Header>,
    /// Most bytes of a message to receive, if less than [`MAX_MESSAGE_BYTES`].
    pub(crate) max_message_bytes: Option<u32>,
    /// Whether the upstream is not told that the call is internal.
    pub(crate) skip_envoy_headers: bool,
}

/// What there is to tell of a callout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrpcEvent {
    /// What the response begins with; streams only.
    InitialMetadata(Vec<Header>),
    /// A message; the end of a call.
    Message(Bytes),
    /// What the response ends with; streams only.
    TrailingMetadata(Vec<Header>),
    /// The end of a stream, or of a call that failed.
    Close {
        /// gRPC status; `u32::MAX` for one that there is not.
        status: u32,
        /// The upstream's words and this proxy's.
        message: String,
    },
}

/// Why a callout did not start. Displays as the guest is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GrpcCalloutError {
    /// There is no such cluster.
    #[error("Cluster not available")]
    UnknownCluster,
    /// The cluster has no endpoint to send to.
    #[error("no healthy upstream{{no_healthy_upstream}}")]
    NoHealthyHost,
}

impl GrpcCallout {
    /// Starts a call; what it returns ends with the only event.
    ///
    /// # Errors
    ///
    /// When the call cannot be sent at all. Nothing has been sent then.
    pub(crate) fn call<F: Fn(GrpcEvent)>(
        &self,
        message: &[u8],
        timeout: Duration,
        clusters: &ClusterManager,
        tell: F,
    ) -> Result<impl Future<Output = ()> + use<F>, GrpcCalloutError> {
        let cluster = self.find(clusters)?;
        let body = UpstreamBody::Full(Some(frame::encode(message)));
        let head = self.head(&cluster, Some(timeout));
        self.start(cluster, head, body, ExchangeKind::Call, tell)
    }

    /// Opens a stream whose messages come from `queue`.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub(crate) fn stream<F: Fn(GrpcEvent)>(
        &self,
        queue: &Rc<SendQueue>,
        clusters: &ClusterManager,
        tell: F,
    ) -> Result<impl Future<Output = ()> + use<F>, GrpcCalloutError> {
        let cluster = self.find(clusters)?;
        let source: Rc<SendQueue> = Rc::clone(queue);
        let head = self.head(&cluster, None);
        let kind = ExchangeKind::Stream {
            queue: Rc::clone(queue),
        };
        self.start(cluster, head, UpstreamBody::Stream(source), kind, tell)
    }

    fn find(&self, clusters: &ClusterManager) -> Result<Rc<Cluster>, GrpcCalloutError> {
        let cluster = clusters.get(&self.cluster);
        cluster
            .map(Rc::clone)
            .ok_or(GrpcCalloutError::UnknownCluster)
    }

    fn start<F: Fn(GrpcEvent)>(
        &self,
        cluster: Rc<Cluster>,
        head: Head,
        body: UpstreamBody,
        kind: ExchangeKind,
        tell: F,
    ) -> Result<impl Future<Output = ()> + use<F>, GrpcCalloutError> {
        let endpoint = cluster.choose_endpoint();
        let endpoint = endpoint.ok_or(GrpcCalloutError::NoHealthyHost)?;
        let exchange = Exchange {
            cluster,
            endpoint,
            request: head.table,
            timeout: head.timeout,
            max_message_bytes: self.max_message_bytes(),
            kind,
            tell,
        };
        Ok(exchange.run(head.request.map(|request| request.map(|_| body))))
    }

    /// Zero sets no limit, as in Envoy.
    fn max_message_bytes(&self) -> usize {
        let wanted = self.max_message_bytes.filter(|max| *max > 0);
        let wanted = wanted.and_then(|max| usize::try_from(max).ok());
        wanted.map_or(MAX_MESSAGE_BYTES, |max| max.min(MAX_MESSAGE_BYTES))
    }
}
