//! A guest that reads every path in every callback.

use std::fmt::Write as _;

use tollgate_conformance::guest::{
    guest, on_log, on_request_body, on_request_headers, on_response_body, on_response_headers,
};

/// What the guest logs last.
pub(crate) const LAST: &str = "-- the end";

/// Paths, a `/` between parts.
const PATHS: &str = "
request request/path request/url_path request/query request/host request/scheme request/method
request/referer request/useragent request/id request/headers/x-mixed request/headers/X-MIXED
request/headers/:path request/headers/none request/headers/x-mixed/deeper request/headers_bytes
request/time request/duration request/size request/total_size request/protocol request/none
request/path/deeper
response response/code response/code_details response/flags response/grpc_status
response/headers/x-origin response/headers/:status response/headers/none response/headers_bytes
response/trailers response/trailers/none response/size response/total_size
response/backend_latency response/none
source source/address source/port source/none source/principal
destination destination/address destination/port destination/none destination/principal
connection connection/id connection/mtls connection/mtls/deeper connection/requested_server_name
connection/tls_version connection/subject_local_certificate connection/subject_peer_certificate
connection/uri_san_local_certificate connection/uri_san_peer_certificate
connection/dns_san_local_certificate connection/dns_san_peer_certificate
connection/sha256_peer_certificate_digest connection/peer_certificate
connection/termination_details connection/transport_failure_reason connection/none
upstream upstream/address upstream/port upstream/local_address upstream/local_port upstream/locality
upstream/locality/region upstream/locality/zone upstream/transport_failure_reason
upstream/request_attempt_count upstream/cx_pool_ready_duration upstream/num_endpoints
upstream/tls_version upstream/subject_local_certificate upstream/subject_peer_certificate
upstream/uri_san_local_certificate upstream/uri_san_peer_certificate
upstream/dns_san_local_certificate upstream/dns_san_peer_certificate
upstream/sha256_peer_certificate_digest upstream/peer_certificate upstream/none
metadata metadata/filter_metadata metadata/filter_metadata/none metadata/typed_filter_metadata
metadata/none
filter_state filter_state/none filter_state/wasm.mine filter_state/wasm.mine/deeper
upstream_filter_state upstream_filter_state/none
mine mine/deeper
xds xds/none xds/node/id xds/node/cluster xds/node/metadata/list xds/node/metadata/list/0
xds/node/metadata/list/1/deep xds/node/metadata/list/2 xds/node/metadata/list/x
xds/node/metadata/list/-1 xds/node/metadata/number xds/node/metadata/flag xds/node/metadata/nothing
xds/node/metadata/nothing/deeper xds/node/metadata/map xds/node/metadata/empty_map
xds/node/metadata/empty_list xds/node/metadata/none xds/node/metadata/text/deeper
xds/node/locality xds/node/locality/region xds/node/locality/zone xds/node/none
xds/node/dynamic_parameters xds/node/listening_addresses
xds/cluster_name xds/cluster_metadata xds/cluster_metadata/filter_metadata
xds/cluster_metadata/filter_metadata/of/cluster xds/cluster_metadata/typed_filter_metadata
xds/route_name xds/route_metadata xds/route_metadata/filter_metadata/of
xds/route_metadata/filter_metadata/of/route
xds/virtual_host_name xds/virtual_host_metadata xds/virtual_host_metadata/filter_metadata/of/host
xds/upstream_host_metadata xds/upstream_host_metadata/filter_metadata/of/endpoint
xds/upstream_host_locality_metadata xds/upstream_host_locality_metadata/filter_metadata/of/locality
xds/filter_chain_name xds/filter_chain_metadata xds/listener_direction xds/listener_metadata
xds/listener_metadata/filter_metadata/of/listener
plugin_name plugin_name/deeper plugin_root_id plugin_vm_id connection_id
node cluster_name cluster_metadata route_name route_metadata listener_direction listener_metadata
upstream_host_metadata none none/such time
";

/// The guest as text.
pub(crate) fn module() -> String {
    let read = |phase: &str| format!("(call $say @\"-- {phase}\") (call $sweep)");
    // How many callbacks a body makes is chance.
    let once = |side: &str| {
        let read = read(&format!("{side} body"));
        format!(
            "(if (i32.eqz (global.get ${side}_read))
               (then (global.set ${side}_read (i32.const 1)) {read}))"
        )
    };
    let set = r#"(drop (call $proxy_set_property @"mine" @"value"))"#;
    guest(
        &[
            on_request_headers(&format!("{set} {}", read("request headers")), 0),
            on_request_body(&once("request"), 0),
            on_response_headers(&read("response headers"), 0),
            on_response_body(&once("response"), 0),
            on_log(&format!("{} (call $say @\"{LAST}\")", read("log"))),
            "(global $request_read (mut i32) (i32.const 0))".to_owned(),
            "(global $response_read (mut i32) (i32.const 0))".to_owned(),
            sweep(),
        ]
        .concat(),
    )
}

fn sweep() -> String {
    let mut text = "  (func $sweep".to_owned();
    for path in PATHS.split_whitespace() {
        let parts = path.replace('/', "\\00");
        write!(text, "\n    (call $property @\"{path}\" @\"{parts}\")").expect("text takes text");
    }
    text + ")\n"
}
