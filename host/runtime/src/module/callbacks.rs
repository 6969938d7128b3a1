//! The exports a host looks up, with the types it wants.

use tollgate_abi::AbiVersion;

use super::Signature;

/// An export that must have its type if it exists.
#[derive(Debug)]
pub(crate) struct Callback {
    pub(crate) name: &'static str,
    params: usize,
    has_result: bool,
    since: AbiVersion,
}

impl Callback {
    /// Returns the type in this ABI version, or `None` when that version has no such callback.
    pub(crate) fn signature(&self, abi: AbiVersion) -> Option<Signature> {
        let is_headers = matches!(self.name, ON_REQUEST_HEADERS | ON_RESPONSE_HEADERS);
        let dropped = usize::from(is_headers && abi == AbiVersion::V0_1_0);
        (abi >= self.since).then(|| Signature::of_i32s(self.params - dropped, self.has_result))
    }
}

/// Tollgate's own: the guest has become an instance of a snapshot, and what must not be the same in
/// all of them, such as the seed of a random generator, can be made anew.
pub(crate) const ON_RESTORE: &str = "tollgate_on_restore";

/// Tollgate's own: tells of a stream, of the headers of its request and, if they pass, of its end in
/// one call, for which others take `proxy_on_context_create`, `proxy_on_request_headers` and
/// `proxy_on_delete`.
pub(crate) const ON_REQUEST: &str = "tollgate_on_request";

pub(crate) const ON_REQUEST_HEADERS: &str = "proxy_on_request_headers";
pub(crate) const ON_RESPONSE_HEADERS: &str = "proxy_on_response_headers";

const fn callback(name: &'static str, params: usize, has_result: bool) -> Callback {
    Callback {
        name,
        params,
        has_result,
        since: AbiVersion::V0_1_0,
    }
}

/// Every export with a fixed type.
pub(crate) static CALLBACKS: &[Callback] = &[
    callback("_initialize", 0, false),
    callback("_start", 0, false),
    callback("main", 2, true),
    callback("__main_void", 0, true),
    callback("malloc", 1, true),
    callback("proxy_on_memory_allocate", 1, true),
    callback("proxy_on_context_create", 2, false),
    callback("proxy_on_vm_start", 2, true),
    callback("proxy_on_configure", 2, true),
    callback("proxy_validate_configuration", 2, true),
    callback("proxy_on_tick", 1, false),
    callback("proxy_on_done", 1, true),
    callback("proxy_on_log", 1, false),
    callback("proxy_on_delete", 1, false),
    callback(ON_REQUEST_HEADERS, 3, true),
    callback("proxy_on_request_body", 3, true),
    callback("proxy_on_request_trailers", 2, true),
    callback("proxy_on_request_metadata", 2, true),
    callback(ON_RESPONSE_HEADERS, 3, true),
    callback("proxy_on_response_body", 3, true),
    callback("proxy_on_response_trailers", 2, true),
    callback("proxy_on_response_metadata", 2, true),
    callback("proxy_on_new_connection", 1, true),
    callback("proxy_on_downstream_data", 3, true),
    callback("proxy_on_downstream_connection_close", 2, false),
    callback("proxy_on_upstream_data", 3, true),
    callback("proxy_on_upstream_connection_close", 2, false),
    callback("proxy_on_http_call_response", 5, false),
    callback("proxy_on_grpc_receive_initial_metadata", 3, false),
    callback("proxy_on_grpc_receive", 3, false),
    callback("proxy_on_grpc_receive_trailing_metadata", 3, false),
    callback("proxy_on_grpc_close", 3, false),
    callback("proxy_on_queue_ready", 2, false),
    Callback {
        name: "proxy_on_foreign_function",
        params: 3,
        has_result: false,
        since: AbiVersion::V0_2_0,
    },
    callback("envoy_on_resolve_dns", 3, false),
    callback("envoy_on_stats_update", 2, false),
    callback(ON_RESTORE, 0, false),
    callback(ON_REQUEST, 3, true),
];
