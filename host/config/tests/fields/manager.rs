//! The listener and the connection manager.

use std::path::PathBuf;
use std::time::Duration;

use tollgate_config::{
    AccessLog, AccessLogSink, CodecType, HttpFilterKind, ServerHeaderTransformation, TextAccessLog,
};

use crate::{manager, read};

#[test]
fn a_listener_has_name_address_limit_and_chains() {
    let bootstrap = read("routes.yaml");
    let listener = &bootstrap.listeners[0];
    assert_eq!(listener.name, "ingress");
    assert_eq!(listener.address, "[::1]:0".parse().unwrap());
    assert_eq!(listener.per_connection_buffer_limit_bytes, 32768);
    assert_eq!(listener.filter_chains[0].name, "plain");
    assert!(listener.filter_chains[0].tls.is_none());
    assert!(listener.default_filter_chain.is_none());
}

#[test]
fn a_listener_without_name_is_named_by_its_address() {
    assert_eq!(read("wasm.yaml").listeners[0].name, "127.0.0.1:0");
}

#[test]
fn a_manager_reads_all_of_its_fields() {
    let bootstrap = read("routes.yaml");
    let manager = manager(&bootstrap);
    assert_eq!(manager.codec_type, CodecType::Http1);
    assert_eq!(manager.stat_prefix, "ingress");
    assert_eq!(manager.server_name, "tollgate");
    assert_eq!(
        manager.server_header_transformation,
        ServerHeaderTransformation::PassThrough
    );
    assert!(manager.use_remote_address);
    assert_eq!(manager.xff_num_trusted_hops, 2);
    assert!(manager.skip_xff_append);
    assert!(!manager.generate_request_id);
    assert!(manager.preserve_external_request_id);
    assert!(manager.always_set_request_id_in_response);
    assert_eq!(manager.stream_idle_timeout, None);
    assert_eq!(manager.request_timeout, Some(Duration::from_secs(10)));
    assert_eq!(
        manager.request_headers_timeout,
        Some(Duration::from_secs(5))
    );
    assert_eq!(manager.idle_timeout, Some(Duration::from_secs(60)));
    assert_eq!(manager.drain_timeout, Duration::from_millis(1500));
    assert_eq!(manager.max_request_headers_bytes, 32 * 1024);
    assert_eq!(manager.max_headers_count, 50);
    assert_eq!(manager.max_concurrent_streams, 7);
    assert!(manager.accept_http_10);
    assert!(manager.http1_trailers);
    assert!(manager.merge_slashes);
    assert!(manager.normalize_path);
    assert_eq!(manager.upgrade_types, ["websocket"]);
    assert_eq!(manager.via, "tollgate-1");
}

#[test]
fn a_manager_has_envoys_defaults() {
    let bootstrap = read("proxy.yaml");
    let manager = manager(&bootstrap);
    assert_eq!(manager.codec_type, CodecType::Auto);
    assert_eq!(manager.server_name, "envoy");
    assert_eq!(
        manager.server_header_transformation,
        ServerHeaderTransformation::Overwrite
    );
    assert!(!manager.use_remote_address);
    assert!(manager.generate_request_id);
    assert_eq!(manager.stream_idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(manager.request_timeout, None);
    assert_eq!(manager.request_headers_timeout, None);
    assert_eq!(manager.idle_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(manager.drain_timeout, Duration::from_secs(5));
    assert_eq!(manager.max_request_headers_bytes, 60 * 1024);
    assert_eq!(manager.max_headers_count, 100);
    assert_eq!(manager.max_concurrent_streams, 1024);
    assert!(!manager.http1_trailers);
    assert_eq!(
        bootstrap.listeners[0].per_connection_buffer_limit_bytes,
        1024 * 1024
    );
    assert_eq!(bootstrap.admin, Some("127.0.0.1:0".parse().unwrap()));
}

#[test]
fn access_logs_have_a_sink_and_a_format() {
    let bootstrap = read("routes.yaml");
    let log = |sink, format: Option<&str>| {
        AccessLog::Text(TextAccessLog {
            sink,
            format: format.map(str::to_owned),
        })
    };
    assert_eq!(
        manager(&bootstrap).access_log,
        [
            log(
                AccessLogSink::File(PathBuf::from("/tmp/tollgate-config-access.log")),
                Some("%PROTOCOL% %REQ(:PATH)%\n")
            ),
            log(AccessLogSink::Stdout, None),
            log(AccessLogSink::Stderr, Some("%RESPONSE_CODE%\n")),
            log(AccessLogSink::Stdout, None),
        ]
    );
}

#[test]
fn filters_keep_their_order_and_names() {
    let bootstrap = read("routes.yaml");
    let [plugin, router] = manager(&bootstrap).http_filters.as_slice() else {
        panic!("not two filters")
    };
    assert_eq!((plugin.name.as_str(), plugin.disabled), ("plugin", false));
    assert!(matches!(plugin.kind, HttpFilterKind::Wasm(_)));
    assert_eq!(router.name, "envoy.filters.http.router");
    assert!(matches!(
        router.kind,
        HttpFilterKind::Router {
            suppress_envoy_headers: true
        }
    ));
}
