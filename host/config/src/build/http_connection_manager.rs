//! The HTTP connection manager.

use std::collections::HashSet;
use std::time::Duration;

use super::{access_log, http_filter, route_configuration};
use crate::view::View;
use crate::{CodecType, HttpConnectionManager, ServerHeaderTransformation};

const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_REQUEST_HEADERS_KB: u32 = 60;
const MAX_HEADERS_COUNT: u32 = 100;
const MAX_CONCURRENT_STREAMS: u32 = 1024;

pub(super) fn build(view: &View<'_>) -> Option<HttpConnectionManager> {
    let common = view.child("common_http_protocol_options");
    let common = common.as_ref();
    if let Some(common) = common.filter(|common| common.has("max_requests_per_connection")) {
        let what = "`max_requests_per_connection` of a connection manager";
        common.unsupported("max_requests_per_connection", what);
    }
    let headers_kb = view
        .u32_value("max_request_headers_kb")
        .unwrap_or(MAX_REQUEST_HEADERS_KB);
    let headers_count = common.and_then(|common| common.u32_value("max_headers_count"));
    let http1 = view.child("http_protocol_options");
    let http2 = view.child("http2_protocol_options");
    // Everything is read before the first `?`, so that one run reports what is wrong in each part.
    let http_filters = http_filter::build_chain(view);
    let filter_names = view.children("http_filters");
    let filter_names = filter_names
        .iter()
        .map(|filter| filter.text("name"))
        .collect();
    let route_config = route_config(view, &filter_names);
    Some(HttpConnectionManager {
        codec_type: codec_type(view),
        stat_prefix: view.text("stat_prefix").to_owned(),
        access_log: access_log::build_all(view, "access_log"),
        server_name: non_empty(view.text("server_name"))
            .unwrap_or("envoy")
            .to_owned(),
        server_header_transformation: server_header_transformation(view),
        use_remote_address: view.bool_value("use_remote_address").unwrap_or(false),
        xff_num_trusted_hops: view.u32("xff_num_trusted_hops"),
        skip_xff_append: view.bool("skip_xff_append"),
        generate_request_id: view.bool_value("generate_request_id").unwrap_or(true),
        preserve_external_request_id: view.bool("preserve_external_request_id"),
        always_set_request_id_in_response: view.bool("always_set_request_id_in_response"),
        stream_idle_timeout: timeout(Some(view), "stream_idle_timeout", Some(STREAM_IDLE_TIMEOUT)),
        request_timeout: timeout(Some(view), "request_timeout", None),
        request_headers_timeout: timeout(Some(view), "request_headers_timeout", None),
        idle_timeout: timeout(common, "idle_timeout", Some(IDLE_TIMEOUT)),
        drain_timeout: view.duration("drain_timeout").unwrap_or(DRAIN_TIMEOUT),
        max_request_headers_bytes: to_usize(headers_kb).saturating_mul(1024),
        max_headers_count: to_usize(headers_count.unwrap_or(MAX_HEADERS_COUNT)),
        max_concurrent_streams: http2
            .and_then(|http2| http2.u32_value("max_concurrent_streams"))
            .unwrap_or(MAX_CONCURRENT_STREAMS),
        accept_http_10: http1
            .as_ref()
            .is_some_and(|http1| http1.bool("accept_http_10")),
        http1_trailers: http1
            .as_ref()
            .is_some_and(|http1| http1.bool("enable_trailers")),
        merge_slashes: view.bool("merge_slashes"),
        normalize_path: view.bool_value("normalize_path").unwrap_or(false),
        upgrade_types: upgrade_types(view),
        via: view.text("via").to_owned(),
        route_config: route_config?,
        http_filters: http_filters?,
    })
}

/// Reads a timeout of which zero means none at all.
pub(super) fn timeout(
    view: Option<&View<'_>>,
    field: &str,
    default: Option<Duration>,
) -> Option<Duration> {
    match view.and_then(|view| view.duration(field)) {
        Some(duration) => (!duration.is_zero()).then_some(duration),
        None => default,
    }
}

pub(super) fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

pub(super) fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn codec_type(view: &View<'_>) -> CodecType {
    match view.enumerator("codec_type").as_str() {
        "HTTP1" => CodecType::Http1,
        "HTTP2" => CodecType::Http2,
        "AUTO" => CodecType::Auto,
        other => {
            view.unsupported("codec_type", &format!("`{other}`"));
            CodecType::Auto
        }
    }
}

fn server_header_transformation(view: &View<'_>) -> ServerHeaderTransformation {
    match view.enumerator("server_header_transformation").as_str() {
        "APPEND_IF_ABSENT" => ServerHeaderTransformation::AppendIfAbsent,
        "PASS_THROUGH" => ServerHeaderTransformation::PassThrough,
        _ => ServerHeaderTransformation::Overwrite,
    }
}

fn route_config(
    view: &View<'_>,
    filter_names: &HashSet<&str>,
) -> Option<crate::RouteConfiguration> {
    let config = view.child("route_config")?;
    route_configuration::build(&config, filter_names)
}

fn upgrade_types(view: &View<'_>) -> Vec<String> {
    let mut types = Vec::new();
    let mut seen = HashSet::new();
    for upgrade in view.children("upgrade_configs") {
        let name = upgrade.text("upgrade_type").to_lowercase();
        if !seen.insert(name.clone()) {
            let reason = format!("multiple upgrade configs with the same name: '{name}'");
            upgrade.error("upgrade_type", reason);
        } else if matches!(name.as_str(), "connect" | "connect-udp") {
            upgrade.unsupported("upgrade_type", "upgrades of CONNECT requests");
        } else if upgrade.bool_value("enabled").unwrap_or(true) {
            types.push(name);
        }
    }
    types
}
