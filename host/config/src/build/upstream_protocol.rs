//! The protocol spoken to an upstream, in its present and in its deprecated spelling.

use std::time::Duration;

use super::http_connection_manager::timeout;
use crate::UpstreamProtocol;
use crate::view::View;

const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

pub(super) struct Upstream {
    pub(super) protocol: UpstreamProtocol,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_requests_per_connection: Option<u32>,
    pub(super) http1_trailers: bool,
}

pub(super) fn build(cluster: &View<'_>) -> Option<Upstream> {
    let mut options = None;
    for (name, any) in cluster.map("typed_extension_protocol_options") {
        match any.unpacked() {
            Some(packed) if name == OPTIONS && packed.type_name() == OPTIONS => {
                options = Some(packed);
            }
            Some(packed) => {
                let what = format!("{} as protocol options `{name}`", packed.type_name());
                any.unsupported("", &what);
            }
            None => {}
        }
    }
    match options {
        Some(options) => Some(from_options(&options)),
        None => from_deprecated(cluster),
    }
}

/// What is not implemented, when it is ignored, comes nearest to HTTP/1.
fn from_options(options: &View<'_>) -> Upstream {
    let explicit = options.child("explicit_http_config");
    let explicit = explicit.as_ref();
    let protocol = match explicit.is_some_and(|one| one.has("http2_protocol_options")) {
        true => UpstreamProtocol::Http2,
        false => UpstreamProtocol::Http1,
    };
    let common = options.child("common_http_protocol_options");
    let http1 = explicit.and_then(|one| one.child("http_protocol_options"));
    upstream(protocol, common.as_ref(), http1.as_ref(), None)
}

fn from_deprecated(cluster: &View<'_>) -> Option<Upstream> {
    if cluster.has("http_protocol_options") && cluster.has("http2_protocol_options") {
        let reason = "both HTTP1 and HTTP2 options may only be configured with non-default 'protocol_selection' values";
        cluster.error("http2_protocol_options", reason);
        return None;
    }
    let protocol = match cluster.has("http2_protocol_options") {
        true => UpstreamProtocol::Http2,
        false => UpstreamProtocol::Http1,
    };
    let common = cluster.child("common_http_protocol_options");
    let http1 = cluster.child("http_protocol_options");
    let max_requests = cluster.u32_value("max_requests_per_connection");
    Some(upstream(
        protocol,
        common.as_ref(),
        http1.as_ref(),
        max_requests,
    ))
}

fn upstream(
    protocol: UpstreamProtocol,
    common: Option<&View<'_>>,
    http1: Option<&View<'_>>,
    max_requests: Option<u32>,
) -> Upstream {
    for view in common
        .into_iter()
        .filter(|view| view.has("max_headers_count"))
    {
        view.unsupported("max_headers_count", "`max_headers_count` of a cluster");
    }
    for view in http1.into_iter().filter(|view| view.bool("accept_http_10")) {
        view.warning("accept_http_10", "has no effect on a cluster");
    }
    let max_requests = common
        .and_then(|common| common.u32_value("max_requests_per_connection"))
        .or(max_requests);
    Upstream {
        protocol,
        idle_timeout: timeout(common, "idle_timeout", Some(IDLE_TIMEOUT)),
        // Zero means no limit.
        max_requests_per_connection: max_requests.filter(|max| *max > 0),
        http1_trailers: http1.is_some_and(|http1| http1.bool("enable_trailers")),
    }
}
