//! The router: the last filter in the chain. It turns the selected route into a request to an
//! endpoint, or into an answer.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Version};
use tollgate_config::UpstreamProtocol;

use super::active_stream::ActiveStream;
use super::local_response::StreamError;
use crate::cluster::{Cluster, Endpoint, UpstreamBody};
use crate::filter::{HeaderTable, LocalReply};
use crate::route::{ForwardTo, RouteAction, SelectedRoute};

const EXPECTED_TIMEOUT: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// Where a request goes.
pub(super) struct Forward {
    pub(super) cluster: Rc<Cluster>,
    pub(super) endpoint: Rc<Endpoint>,
    pub(super) timeout: Option<Duration>,
}

impl ActiveStream {
    /// Decides where the request goes, after the filters have seen its headers, and makes `request`,
    /// a new one, what is sent there, but for the body.
    pub(super) fn route(&self, request: &mut Request<UpstreamBody>) -> Result<Forward, LocalReply> {
        let route = self.state.selected_route();
        self.state.route.freeze();
        let stats = &self.manager.stats.router;
        stats.rq_total.inc();
        let route = route.ok_or_else(|| {
            stats.no_route.inc();
            StreamError::RouteNotFound.to_local_reply()
        })?;
        let suppress = self.manager.suppress_envoy_headers;
        let forward = match route.action() {
            RouteAction::Forward(forward) => forward,
            RouteAction::Redirect(_) | RouteAction::DirectResponse(_) => {
                stats.rq_direct_response.inc();
                let reply = route.direct_reply(&self.state, suppress);
                return Err(reply.unwrap_or_else(|| StreamError::RouteNotFound.to_local_reply()));
            }
        };
        self.forward(&route, forward, request).map_err(|error| {
            if error == StreamError::ClusterNotFound {
                stats.no_cluster.inc();
            }
            error.to_local_reply()
        })
    }

    fn forward(
        &self,
        route: &SelectedRoute,
        action: &ForwardTo,
        request: &mut Request<UpstreamBody>,
    ) -> Result<Forward, StreamError> {
        if let Some(timeout) = action.idle_timeout {
            self.deadlines.set_idle_timeout(timeout);
        }
        let upstream = &self.state.info.upstream;
        let name = route.cluster_name().ok_or(StreamError::ClusterNotFound)?;
        let clusters = &self.manager.worker.clusters;
        let cluster = Rc::clone(clusters.get(name).ok_or(StreamError::ClusterNotFound)?);
        *upstream.cluster_name.borrow_mut() = Some(Arc::clone(name));
        upstream.endpoint_count.set(Some(cluster.endpoint_count()));
        let suppress = self.manager.suppress_envoy_headers;
        route.finalize_request(&self.state, suppress);
        let endpoint = cluster
            .choose_endpoint()
            .ok_or(StreamError::NoHealthyUpstream)?;
        upstream.address.set(Some(endpoint.address));
        *upstream.attributes.borrow_mut() = Some(Arc::clone(&endpoint.attributes));
        *upstream.hostname.borrow_mut() = endpoint.hostname.clone();
        if action.has_auto_host_rewrite()
            && let Some(hostname) = &endpoint.hostname
        {
            route.rewrite_host_to(&self.state, hostname, suppress);
        }
        self.add_expected_timeout(action.timeout);
        self.write_request(cluster.protocol, route, request)?;
        Ok(Forward {
            cluster,
            endpoint,
            timeout: action.timeout,
        })
    }

    /// Returns the error of an upgrade that is not allowed.
    pub(super) fn upgrade_error(&self) -> Option<StreamError> {
        let kind = self.upgrade.kind()?;
        let route = self.state.selected_route();
        let by_route = route.as_ref().and_then(|route| match route.action() {
            RouteAction::Forward(forward) => forward.upgrade_allowed(&kind),
            RouteAction::Redirect(_) | RouteAction::DirectResponse(_) => None,
        });
        let allowed = by_route.unwrap_or_else(|| self.manager.allows_upgrade(&kind));
        (!allowed).then_some(StreamError::UpgradeRefused)
    }

    fn add_expected_timeout(&self, timeout: Option<Duration>) {
        let Some(timeout) = timeout.filter(|timeout| !timeout.is_zero()) else {
            return;
        };
        if !self.manager.suppress_envoy_headers {
            let value = self.manager.milliseconds(timeout);
            let mut headers = self.state.request_headers.borrow_mut();
            headers.fields_mut().insert(EXPECTED_TIMEOUT, value);
        }
    }

    fn write_request(
        &self,
        protocol: UpstreamProtocol,
        route: &SelectedRoute,
        request: &mut Request<UpstreamBody>,
    ) -> Result<(), StreamError> {
        let mut table = self.state.request_headers.borrow_mut();
        let has_length = table.fields().contains_key(header::CONTENT_LENGTH);
        let (written, version) = match protocol {
            UpstreamProtocol::Http1 if self.is_read_later(&table, route) => {
                (table.write_http1_request(request), Version::HTTP_11)
            }
            UpstreamProtocol::Http1 => (table.move_to_http1_request(request), Version::HTTP_11),
            UpstreamProtocol::Http2 => (table.write_http2_request(request), Version::HTTP_2),
        };
        written.map_err(StreamError::RequestHeaders)?;
        self.state.info.upstream.protocol.set(Some(version));
        // Without an authority an HTTP/2 request can be sent only as one that came over HTTP/1.
        if request.uri().authority().is_some() {
            *request.version_mut() = version;
        }
        drop(table);
        self.manager
            .normalizer
            .upstream_request(request.headers_mut());
        if protocol == UpstreamProtocol::Http1 {
            self.set_empty_length(request, has_length);
        }
        Ok(())
    }

    /// Returns whether anybody reads the request's headers after they were sent: logs, filters,
    /// the response, or a local reply, which asks whether the request is gRPC.
    fn is_read_later(&self, request: &HeaderTable, route: &SelectedRoute) -> bool {
        self.manager.looks_at_sent_headers()
            || self.manager.normalizer.tells_request_id()
            || route.changes_response()
            || request.named(&header::CONTENT_TYPE).is_some()
    }

    /// A method that usually has a body says so when it has none, as in Envoy.
    fn set_empty_length(&self, request: &mut Request<UpstreamBody>, has_length: bool) {
        let is_empty = self.request_body.borrow().is_none() && !self.upgrade.is_asked();
        let usually_has_body = matches!(*request.method(), Method::POST | Method::PUT);
        if is_empty && usually_has_body && !has_length && self.state.info.bytes_received.get() == 0
        {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}
